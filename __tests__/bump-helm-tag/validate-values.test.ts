import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dump } from 'js-yaml';
import { coalesce, mergeFiles, readValues, type Values } from '../../src/bump-helm-tag/validate-values.ts';
import { ActionError, systemExec } from '../../src/runner/index.ts';
import { ensureHelm } from '../../tools/helm/index.ts';
import { bytes, CHART_YAML } from './validate-support.ts';

const read = (text: string): Values => readValues(bytes(text), 'v.yaml');
const ours = (defaults: string, ...files: string[]): unknown =>
  JSON.parse(JSON.stringify(coalesce(read(defaults), files.map(read).reduce(mergeFiles, {}))));

/** Scalars that YAML parsers read in different ways. */
const WORDS =
  'y n Y N yes no on off On OFF true False ~ null Null 0 -0 00 08 0777 0o17 0x1F -0x1f 0b101 1_000 1__0 _1 1e3 12e4567 1E-2 .5 -.5e+3 5. 1.0 1.10 190:20:30 1:30 2001-01-01 2001-12-14T21:59:43Z 1.2.3 v1 +1 -1 1e 0b2 0x 1_ 1,2 = 18446744073709551615'.split(
    ' ',
  );

describe('held against real helm', () => {
  let folder: string;
  let helm: string;
  beforeAll(async () => {
    helm = await ensureHelm(fileURLToPath(new URL('../../.lab', import.meta.url)));
    folder = await mkdtemp(path.join(tmpdir(), 'values-'));
    await mkdir(path.join(folder, 'templates'));
    await writeFile(path.join(folder, 'Chart.yaml'), CHART_YAML);
    await writeFile(path.join(folder, 'templates/all.yaml'), '{{ dict "values" .Values | toJson }}\n');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function theirs(defaults: string, ...files: string[]): Promise<unknown> {
    await writeFile(path.join(folder, 'values.yaml'), defaults);
    const args = files.flatMap((_text, i) => ['--values', `f${i}`]);
    for (const [i, text] of files.entries()) await writeFile(path.join(folder, `f${i}`), text);
    const result = await systemExec(helm, ['template', 'x', '.', ...args], { cwd: folder, timeout: 240 });
    if (result.code !== 0) throw new Error(result.stderrTail);
    const json = result.stdoutTail.split('\n').find((line) => line.startsWith('{'));
    return (JSON.parse(json ?? '') as { values: unknown }).values;
  }

  test('every word that parsers disagree on, as a value and in a list', async () => {
    const text = WORDS.map((word, i) => `k${i}: ${word}\nl${i}: [${word}]\n`).join('');
    expect(ours('', text)).toEqual(await theirs('', text));
    expect(ours('', text)).toMatchObject({ k0: true });
  });

  test.each([
    [
      'a null removes a default, at any depth',
      'm: {a: 1, b: {c: 2, d: 3}}\ns: 1',
      ['m: {b: {c: null}, new: {x: null}}\ns: null'],
    ],
    [
      'a scalar over a map, a map over a scalar, a list over a list',
      'm: {a: 1}\ns: 1\nl: [1, 2]',
      ['m: 5\ns: {a: 1}\nl: [{a: null}]'],
    ],
    ['a map over a null', 'n: null\nm: {a: {b: null, c: 1}}', ['n: {a: 1, b: null}\nm: {a: {}}']],
    ['a later file gives back what an earlier one removed', 'm: {a: 1}', ['m: {a: null}', 'm: {a: 9}']],
    ['a later file removes what an earlier one set', 'm: {a: 1}', ['m: {a: 9}\nq: {a: 1}', 'm: {a: null}\nq: null']],
    ['several documents', 'a: 1\n---\nb: 2', ['a: 5\n---\nb: {x: 1}\n---\nb: {y: 1}\n']],
    [
      'merge keys, aliases, a key twice, a BOM, empty files',
      'a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a',
      ['\ufeffd: 1\nd: 2', '', '# nothing\n'],
    ],
    [
      'text of several lines, and binary',
      'a: |-\n  x\n  y\nb: >\n  x\n  y\n',
      ['c: !!binary aGk=\nd: !!str 1\n"on": 1\ntrue: 2\n'],
    ],
  ])('%s', async (_name, defaults, files) => {
    expect(ours(defaults, ...files)).toEqual(await theirs(defaults, ...files));
  });

  test('values by chance', async () => {
    const leaf = fc.oneof(fc.constant(null), fc.integer({ min: -9, max: 9 }), fc.boolean(), fc.constantFrom(...WORDS));
    const { tree } = fc.letrec<{ tree: unknown; map: Values }>((tie) => ({
      tree: fc.oneof({ maxDepth: 3 }, leaf, tie('map'), fc.array(leaf, { maxLength: 2 })),
      map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'global'), tie('tree'), { maxKeys: 3 }),
    }));
    const map = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tree, { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(map, fc.array(map, { maxLength: 2 }), async (defaults, files) => {
        const texts = [defaults, ...files].map((values) => dump(values));
        const [first = '', ...rest] = texts;
        expect(ours(first, ...rest)).toEqual(await theirs(first, ...rest));
      }),
      { numRuns: 25 },
    );
  });
});

test.each([
  ['- a', 'its root is no map'],
  ['just text', 'its root is no map'],
  ['a: .inf', 'Infinity is no value for Helm'],
  ['a: !custom x', 'unknown scalar tag'],
  ['a: [', 'line 1'],
  ['a: *x', 'alias'],
  [`${'['.repeat(200)}${']'.repeat(200)}`, 'v.yaml'],
])('%j is refused', (text, why) => {
  expect(() => read(text)).toThrow(ActionError);
  expect(() => read(text)).toThrow(why);
});

test('what is not UTF-8 is refused', () => {
  expect(() => readValues(new Uint8Array([0x61, 0x3a, 0x20, 0xff]), 'v.yaml')).toThrow(/not UTF-8/);
});
