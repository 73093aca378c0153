import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { toTag } from '../../src/build-image/tag-name.ts';
import { systemExec } from '../../src/runner/index.ts';
import { checkTags } from '../../tools/check-tags/check.ts';
import { refNames } from '../../tools/check-tags/names.ts';

const COUNT = 20_000;
const root = join(import.meta.dirname, '../..');

function judged(rule: (raw: string) => string): ReturnType<typeof checkTags> {
  return checkTags(refNames(COUNT, 1, rule), rule);
}

test('the rule of the action passes; the same seed gives the same names', () => {
  expect(judged(toTag)).toMatchObject({ names: COUNT, invalid: 0, collisions: 0, examples: [] });
  expect([...refNames(500, 7, toTag)]).toEqual([...refNames(500, 7, toTag)]);
  expect(new Set(refNames(COUNT, 1, toTag)).size).toBe(COUNT);
});

test.each<[string, (raw: string) => string]>([
  ['replaces and says nothing of it', (raw) => raw.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'x'],
  ['cuts what is long', (raw) => (/^\w[\w.-]*$/.test(raw) ? raw.slice(0, 128) : toTag(raw))],
  ['lets a name that looks like a result be', (raw) => (/^\w[\w.-]{0,127}$/.test(raw) ? raw : toTag(raw))],
  ['lowers the case', (raw) => toTag(raw).toLowerCase()],
])('T19 a rule that %s is found out', (_name, rule) => {
  const { collisions, examples } = judged(rule);
  expect(collisions).toBeGreaterThan(0);
  expect(examples[0]).toMatch(/ both give "/);
});

test.each<[string, (raw: string) => string]>([
  ['keeps what is long', (raw) => toTag(raw.slice(0, 100)) + raw.slice(100).replace(/\W/g, '')],
  ['keeps a leading dot', (raw) => (raw.startsWith('.') ? `.${toTag(raw)}` : toTag(raw))],
])('T19 a rule that %s is found out', (_name, rule) => {
  expect(judged(rule).invalid).toBeGreaterThan(0);
});

test('the command prints its counts; a number that is none is red', async () => {
  const main = join(root, 'tools/check-tags/main.ts');
  const good = await systemExec(process.execPath, [main, '--count=3000', '--seed=5']);
  expect([good.code, good.stdout.toString()]).toEqual([
    0,
    expect.stringMatching(/^3000 names \(seed 5\), \d+ of them changed: 0 invalid, 0 collisions, [\d.]+ s of CPU\n$/),
  ]);
  expect((await systemExec(process.execPath, [main, '--count=many'])).code).toBe(1);
});
