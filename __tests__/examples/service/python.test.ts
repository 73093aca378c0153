/** The service's own gate, run as its pipeline runs it: pytest under coverage, flake8. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ExecResult, systemExec } from '../../../src/runner/index.ts';
import { ensurePython, type PythonEnv } from '../../../tools/python-env/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SERVICE = path.join(ROOT, 'examples/histogram-eq');
// The first call on a machine installs packages.
const SETUP_MS = 900_000;

let python: PythonEnv;
let scratch: string;

beforeAll(async () => {
  python = await ensurePython(path.join(ROOT, '.lab'), { info: () => {} });
  scratch = await mkdtemp(path.join(tmpdir(), 'histogram-eq-'));
}, SETUP_MS);

afterAll(() => rm(scratch, { recursive: true, force: true }));

function run(...args: string[]): Promise<ExecResult> {
  // Nothing is written into the sources, and no FAULT_* or PORT of the caller reaches the service.
  const env = {
    PATH: process.env.PATH,
    HOME: scratch,
    PYTHONDONTWRITEBYTECODE: '1',
    COVERAGE_FILE: path.join(scratch, 'coverage'),
    RANDOM_CASES: '125',
  };
  return systemExec(python.python, args, { cwd: SERVICE, env, timeout: 240 });
}

describe('the sample service', () => {
  test('its tests pass, and cover at least 90 per cent', async () => {
    const tests = await run('-m', 'coverage', 'run', '-m', 'pytest', '--tb=short');
    expect(tests.code === 0 ? '' : tests.stdoutTail.slice(-8000) + tests.stderrTail.slice(-2000)).toBe('');
    const passed = Number(/(\d+) passed/.exec(tests.stdoutTail)?.[1]);
    expect(passed).toBeGreaterThan(140);
    expect(tests.stdoutTail).not.toMatch(/skipped|xfailed|deselected/);
    const json = path.join(scratch, 'coverage.json');
    const report = await run('-m', 'coverage', 'json', '--quiet', '-o', json);
    expect(report.code).toBe(0);
    const totals = JSON.parse(await readFile(json, 'utf8')) as { totals: { percent_covered: number } };
    expect(totals.totals.percent_covered).toBeGreaterThanOrEqual(90);
  });

  test('flake8 has nothing to say', async () => {
    const lint = await run('-m', 'flake8', '.');
    expect(lint.stdoutTail + lint.stderrTail).toBe('');
    expect(lint.code).toBe(0);
  });

  test('a role is up within 1.5 s of CPU and imports', async () => {
    const code = 'import time, k8s_histogram_eq.master; print(time.process_time())';
    // Once to have the files of the libraries in memory: a pod's node has pulled and read them before.
    await run('-c', code);
    const seconds = Number((await run('-c', code)).stdoutTail);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(1.5);
  });
});
