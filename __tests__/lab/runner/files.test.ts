import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAssignments } from '../../../lab/runner/files.ts';
import { job, run, step } from './harness.ts';

describe('assignments', () => {
  test('both forms, empty values, equals signs and markers inside values', () => {
    expect(parseAssignments('a=1\n\nb=\nc=x=y<<z\r\nd<<EOF\nl1\nE=O\nEOF\ne<<EOF\nEOF\n')).toEqual([
      ['a', '1'],
      ['b', ''],
      ['c', 'x=y<<z'],
      ['d', 'l1\nE=O'],
      ['e', ''],
    ]);
  });
  test('everything else is an error', () => {
    for (const bad of ['x', '=1', 'a<<', '<<EOF\nEOF', 'a<<EOF\nno end', 'a<<EOF\nEOF ']) {
      expect(() => parseAssignments(bad)).toThrow(/Invalid/);
    }
  });
  test('property: any value comes back through a heredoc with a delimiter that it does not hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (lines) => {
        const value = lines.map((line) => line.replace(/[\r\n]/g, '')).join('\n');
        fc.pre(!value.split('\n').includes('D_4711'));
        expect(parseAssignments(`v<<D_4711\n${value}\nD_4711\n`)).toEqual([['v', value]]);
      }),
    );
  });
});

describe('files of a step', () => {
  const one = (script: string): Promise<ReturnType<typeof step>> =>
    run(
      `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - id: s\n        run: |\n${script.replace(/^/gm, '          ')}\n`,
    ).then((done) => step(job(done, 'a'), 's'));

  test('NODE_OPTIONS is refused and the step fails', async () => {
    const s = await one('echo "NODE_OPTIONS=--require x" >> "$GITHUB_ENV"');
    expect([s.conclusion, s.annotations[0]?.message]).toEqual([
      'failure',
      "Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command",
    ]);
  });
  test('a malformed file fails the step', async () => {
    const s = await one('echo nonsense >> "$GITHUB_OUTPUT"');
    expect([s.conclusion, s.annotations[0]?.message]).toEqual([
      'failure',
      expect.stringContaining("'output' successfully: Invalid format 'nonsense'"),
    ]);
  });
  test('a summary above 1 MiB is dropped with an error, the step stays green; 1 MiB is kept', async () => {
    const big = await one('head -c 1048577 /dev/zero | tr "\\0" a > "$GITHUB_STEP_SUMMARY"');
    expect([big.conclusion, big.summary, big.annotations[0]?.message]).toEqual([
      'success',
      '',
      '$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got 1024k',
    ]);
    expect((await one('head -c 1048576 /dev/zero | tr "\\0" a > "$GITHUB_STEP_SUMMARY"')).summary).toHaveLength(
      1048576,
    );
  });
  test('a step that deletes its files says nothing', async () => {
    expect((await one('rm "$GITHUB_OUTPUT" "$GITHUB_ENV" "$GITHUB_STEP_SUMMARY" "$GITHUB_PATH"')).conclusion).toBe(
      'success',
    );
  });
});
