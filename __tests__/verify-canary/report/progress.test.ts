import { expect, test } from '@jest/globals';
import type { Inputs } from '../../../src/verify-canary/inputs.ts';
import { planLines } from '../../../src/verify-canary/report/progress.ts';
import { ERRORS, rules } from '../support/world.ts';

const inputs = { source: { kind: 'replay', path: 'x' }, argocd: null, step: '100', weight: 100 } as unknown as Inputs;
const lineOf = (top: string[]): string =>
  planLines(rules([ERRORS], top), inputs, 0).find((line) => line.startsWith('metric errors')) ?? '';

// A log that promises what the judge does not keep is worse than none.
test('what is said of a metric is what the judge does: in a mode without a stable arm the margin is wider', () => {
  expect(lineOf([])).toContain('fails above 1.25 x stable and 0.1 % more');
  expect(lineOf(['mode: before-after'])).toContain('fails above 1.5 x stable and 0.1 % more');
});

test('requests without an event that show the objective: by beta', () => {
  // ln(2/0.05) / -ln(1 - 0.05) = 71.9; ln(2/0.1) / 0.0513 = 58.4
  expect(lineOf([])).toContain('shown by 72 canary requests without an event');
  expect(lineOf(['beta: 0.1'])).toContain('shown by 59 canary requests without an event');
});
