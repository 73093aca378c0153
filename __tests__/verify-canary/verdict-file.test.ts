import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../src/verify-canary/core/index.ts';
import { formatVerdict, verdictObject } from '../../src/verify-canary/verdict-file.ts';
import { G1 } from './support/action.ts';
import { judged } from './support/facts.ts';
import { LATENCY, rules } from './support/world.ts';

const digests = { config: 'sha256:c', trace: 'sha256:t' };
const base = judged(rules(), G1).facts.verdict;
const file = (change: Partial<Verdict>): string =>
  formatVerdict(verdictObject({ ...base, ...change }, 'said', digests));

describe('verdict.json', () => {
  test('fixed keys in a fixed order, two blanks, one line break at the end', () => {
    const text = file({});
    expect(text).toMatch(/^\{\n {2}"schema": 1,\n/);
    expect(text.endsWith('}\n')).toBe(true);
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      'schema',
      'tool',
      'verdict',
      'reason',
      'message',
      'app',
      'revision',
      'image',
      'step',
      'weight',
      'from',
      'to',
      'intervals',
      'alpha',
      'beta',
      'config-digest',
      'trace-digest',
      'log-e',
      'p',
      'coverage',
      'eta-seconds',
      'share',
      'metrics',
      'steps',
      'culprits',
      'canary-events',
      'mode',
      'weaker',
      'baseline',
      'noise',
      'pod',
      'explained',
    ]);
  });

  test('six digits; -0 is 0; what is not finite is null; whole numbers stay whole', () => {
    const text = file({
      logE: 1.23456789,
      p: -0,
      etaSeconds: Number.POSITIVE_INFINITY,
      coverage: Number.NaN,
      canaryEvents: 12_345_678,
    });
    expect(text).toContain('"log-e": 1.23457,');
    expect(text).toContain('"p": 0,');
    expect(text).toContain('"eta-seconds": null,');
    expect(text).toContain('"coverage": null,');
    expect(text).toContain('"canary-events": 12345678');
    expect(text).not.toMatch(/-0\b|NaN|Infinity/);
  });

  test('no time of writing, host or path', () => {
    expect(file({})).not.toMatch(new RegExp(`${process.cwd()}|${new Date().getFullYear()}-|localhost`));
  });

  test('bounds of latency are streams of their own', () => {
    const latency = {
      stable: { n: 100, le: { '0.25': 90, '0.5': 99 } },
      canary: { n: 10, le: { '0.25': 9, '0.5': 10 } },
    };
    const config = rules([LATENCY]);
    const { json } = judged(config, [{ v: 1, step: '5', weight: 5, start: 0, end: 60, metrics: { latency } }]);
    const [metric] = (JSON.parse(json) as { metrics: { slo: object; streams: object[] }[] }).metrics;
    expect(metric).toMatchObject({
      slo: { le: 0.5, max: 0.05 },
      streams: [
        { le: 0.25, stable: { n: 100, e: 10 }, canary: { n: 10, e: 1 } },
        { le: 0.5, stable: { n: 100, e: 1 }, canary: { n: 10, e: 0 } },
      ],
    });
  });
});
