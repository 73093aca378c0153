/** The closing line of the pipeline, and the names of what failed before it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemExec } from '../../src/runner/exec.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sum-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

interface Case {
  fullName: string;
  status: string;
  failureMessages: string[];
}
const passed: Case = { fullName: 'holds', status: 'passed', failureMessages: [] };
const broken: Case = {
  fullName: 'group breaks',
  status: 'failed',
  failureMessages: ['\u001b[31mError: expected 1\u001b[39m\n\n    at place'],
};
const report = (assertionResults: Case[], over = {}, message = ''): object => ({
  numPassedTests: assertionResults.filter(({ status }) => status === 'passed').length,
  numFailedTests: assertionResults.filter(({ status }) => status === 'failed').length,
  numRuntimeErrorTestSuites: 0,
  numPendingTests: 0,
  testResults: [{ name: join(process.cwd(), '__tests__/some.test.ts'), message, assertionResults }],
  ...over,
});

const sum = async (
  reports: object[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; lines: string[] }> => {
  const paths = reports.map((body, i) => {
    const path = join(dir, `${i}.json`);
    writeFileSync(path, JSON.stringify(body));
    return path;
  });
  const args = ['tools/test/sum.mjs', ...paths, ...(reports.length === 0 ? [join(dir, 'none.json')] : [])];
  const { code, stdout } = await systemExec(process.execPath, args, { env: { PATH: process.env.PATH ?? '', ...env } });
  return { code, lines: stdout.toString('utf8').trimEnd().split('\n') };
};

test('reports are added up', async () => {
  expect(await sum([report([passed, passed]), report([passed])])).toEqual({
    code: 0,
    lines: ['3 passed, 0 failed, 0 skipped'],
  });
});

test('what failed is named before the closing line, and without colours', async () => {
  expect(await sum([report([passed, broken])])).toEqual({
    code: 1,
    lines: [
      'failed: __tests__/some.test.ts: group breaks',
      '    Error: expected 1',
      '        at place',
      '1 passed, 1 failed, 0 skipped',
    ],
  });
});

test('a file that could not be run fails, and is named', async () => {
  const { code, lines } = await sum([
    report([], { numRuntimeErrorTestSuites: 1 }, 'SyntaxError: no'),
    report([passed]),
  ]);
  expect([code, lines]).toEqual([
    1,
    ['failed: __tests__/some.test.ts', '    SyntaxError: no', '1 passed, 1 failed, 0 skipped'],
  ]);
});

test('no report, no test, or a skipped one where everything is there: red', async () => {
  expect((await sum([])).code).toBe(1);
  expect((await sum([report([])])).code).toBe(1);
  const skipped = report([passed], { numPendingTests: 1 });
  expect((await sum([skipped])).code).toBe(0);
  expect((await sum([skipped], { CONFORMANCE_DATA: 'x' })).code).toBe(1);
});
