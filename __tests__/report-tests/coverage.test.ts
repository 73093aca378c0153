import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { runAction } from '../support/bundle.ts';

const dir = mkdtempSync(join(tmpdir(), 'coverage-'));
afterAll(() => rmSync(dir, { recursive: true }));

function report(percent: number): string {
  const path = join(dir, `${percent}.json`);
  const files = {
    'a.py': { summary: { percent_covered: percent } },
    'b|c.py': { summary: { percent_covered: 12.34 } },
  };
  writeFileSync(path, JSON.stringify({ totals: { percent_covered: percent }, files }));
  return path;
}

test('shows the least covered files and is green at the minimum', async () => {
  const run = await runAction('report-tests', { 'coverage-json': report(85), 'coverage-min': '85' });
  expect([run.code, run.outputs.coverage]).toEqual([0, '85']);
  expect(run.summary).toContain('| `b\\|c.py` | 12.3 % |');
});

test('84.96 % is not 85 %', async () => {
  const run = await runAction('report-tests', { 'coverage-json': report(84.96), 'coverage-min': '85' });
  expect([run.code, run.outputs.coverage]).toEqual([1, '84.9']);
  expect(run.log).toContain(
    '84.9 %25 is below the required 85 %25. Add tests, b|c.py (12 %25) needs them most. [E_COVERAGE]',
  );
});

test.each([
  [{ 'coverage-json': '/nowhere/x.json' }, 'E_REPORT_FILE'],
  [{ 'coverage-json': join(import.meta.dirname, 'coverage.test.ts') }, 'E_REPORT_FILE'],
  [{}, 'E_INPUT'],
  [{ 'coverage-json': 'x', 'coverage-min': '101' }, 'E_INPUT'],
])('%j is %s', async (inputs, code) => {
  const run = await runAction('report-tests', inputs as Record<string, string>);
  expect([run.code, run.log.match(/\[(E_[A-Z_]+)\]/)?.[1]]).toEqual([1, code]);
});
