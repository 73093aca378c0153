/** The rendered workflows under a real nektos/act: the same delivery, the same commits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ensureAct } from '../../../lab/setup/act.ts';
import { systemExec } from '../../../src/runner/index.ts';
import { root } from '../../support/bundle.ts';

interface DemoResult {
  problems: string[];
  outputs: Record<string, string>;
  commits: { subject: string }[];
  report: string;
}

async function demo(...args: string[]): Promise<DemoResult> {
  const result = await systemExec('npm', ['run', '--silent', 'demo', '--', '--json', '--act', ...args], {
    cwd: root,
    timeout: 540,
  });
  const line = result.stdoutTail.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(result.stdoutTail.slice(-2000) + result.stderrTail.slice(-2000));
  return JSON.parse(line) as DemoResult;
}

const subjects = (result: DemoResult): string[] =>
  result.commits.map(({ subject }) => subject.replace(/(histogram-eq) [0-9a-f]{7}/, '$1'));

/** Two runs of the gate, a build and the stages, one job after the other. */
const LIMIT = 600_000;

describe('npm run demo -- --act', () => {
  test(
    'a good version reaches 100 % through its weights',
    async () => {
      const result = await demo();
      expect(result.problems).toEqual([]);
      expect(subjects(result)).toEqual(
        ['5%', '10%', '25%', '50%', '100%', 'finish'].map((name) => `deliver histogram-eq: ${name}`),
      );
      expect(result.outputs).toMatchObject({ verdict: 'pass', reused: 'false', superseded: 'false' });
      expect(readFileSync(result.report, 'utf8')).toContain('class="verdict pass"');
    },
    LIMIT,
  );
  test(
    'a red stage hands nothing further off, and one commit takes it back',
    async () => {
      const result = await demo('--break', 'errors');
      expect(result.problems).toEqual([]);
      expect(result.outputs).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('worse:errors') });
      const commits = subjects(result);
      expect(commits.at(-1)).toBe('revert histogram-eq: the canary did not pass');
      expect(commits.filter((subject) => subject.startsWith('revert'))).toHaveLength(1);
    },
    LIMIT,
  );
});

test('act is installed once, and found again', async () => {
  const cacheDir = join(root, '.lab');
  const said: string[] = [];
  const log = { info: (text: string) => said.push(text) };
  const first = await ensureAct(cacheDir, log);
  said.length = 0;
  expect([await ensureAct(cacheDir, log), said]).toEqual([first, []]);
});
