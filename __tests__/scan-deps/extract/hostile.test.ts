/** No text makes an extractor throw, or take longer than its length. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatOf } from '../../../src/scan-deps/discover/formats.ts';
import { context, extract, FIXTURES, fixtureText, MANIFEST } from './kit.ts';

const files = [...new Map(FIXTURES.map((f) => [f.file, f])).values()];
/** Of the processor: another program on the machine adds nothing. */
const seconds = async (run: () => Promise<unknown>): Promise<number> => {
  const start = process.cpuUsage();
  await run();
  return process.cpuUsage(start).user / 1e6;
};

describe.each(files)('$file', ({ file, fixture, format }) => {
  const text = fixtureText(fixture);
  const lines = text.split('\n').length;
  const sane = async (input: string): Promise<void> => {
    const report = await extract(file, input, context({ 'package.json': MANIFEST }));
    expect([report.file, report.format]).toEqual([file, format]);
    expect(report.status === 'read').toBe(report.problems.length === 0);
    if (report.status === 'failed') expect(report.deps).toEqual([]);
    // Python also ends a line at a lone CR.
    const count = input.split(format === 'requirements' ? /\r\n|\r|\n/ : '\n').length;
    for (const { line, exact } of report.deps) expect(exact ? line <= count : line === 1).toBe(true);
  };

  test('any text', () =>
    fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 400 }), sane), { numRuns: 200 }));

  test('its own text with a piece cut out, doubled or replaced', async () => {
    const edit = fc.record({
      from: fc.nat(text.length),
      length: fc.nat(60),
      text: fc.oneof(
        fc.constantFrom('"', '{', '[', '\n', ':', '&a ', '*a', '\\', '\0', '- ', '=', '"""', '(', '@'),
        fc.string({ maxLength: 8 }),
      ),
      twice: fc.boolean(),
    });
    const mutate = async (edits: { from: number; length: number; text: string; twice: boolean }[]): Promise<void> => {
      let input = text;
      for (const e of edits) {
        const piece = input.slice(e.from, e.from + e.length);
        input = input.slice(0, e.from) + e.text + (e.twice ? piece + piece : '') + input.slice(e.from + e.length);
      }
      await sane(input);
    };
    await fc.assert(fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), mutate), { numRuns: 150 });
  });

  test('every line of it ends somewhere else', async () => {
    for (let n = 0; n < lines; n += Math.ceil(lines / 60)) await sane(text.split('\n').slice(0, n).join('\n'));
  });
});

/** One megabyte each of what a scanner likes least. Linear work takes well below a second; the square of it takes minutes. */
const MEGABYTE = 1_000_000;
const times = (text: string, more = ''): string => text.repeat(Math.ceil(MEGABYTE / text.length)) + more;
const counted = (line: (i: number) => string): string =>
  Array.from({ length: Math.ceil(MEGABYTE / line(100_000).length) }, (_, i) => line(i)).join('');
const ANY = ['a', ' ', '\n', '"', '[', '{', '#', ',', '-', '\\', '\r'].map((c) => times(c));
const TOML = [
  times('[[package]]\nname = "a"\nversion = "1"\n'),
  `a = [${times('"a",')}]`,
  `a = """${times('"" ')}`,
  `[project]\ndependencies = [${times('"a",\n')}]`,
  `[project]\ndependencies = [${times('"a\\t",\n')}]`,
  `[project]\ndependencies = ["a${times('[')}"]`,
  counted((i) => `[k${i}]\n`),
  `version = 1\n${counted((i) => `[[package]]\nname = "a"\nversion = "${i}"\ndependencies = [{name="a"}]\n`)}`,
];
const JSON_TEXTS = [
  `{"lockfileVersion": 3, "packages": {${counted((i) => `"node_modules/k${i}":{"version":"1","dependencies":{"k0":"1"}},`)}"":{}}}`,
  `{"lockfileVersion": 1, "dependencies": {${counted((i) => `"k${i}":{"version":"npm:a@1","requires":{"a":"1"}},`)}"x":{"version":"1"}}}`,
  `{"dependencies": {${counted((i) => `"k${i}":"${'1 || '.repeat(20)}1",`)}"a":"1"}}`,
  `{"dependencies": {"a":"${times('1 || ')}"}}`,
  `{"a": "${times('\\u0041')}"}`,
  `{"a": [${times('[],')}[]]}`,
];
const YAML = [
  `lockfileVersion: '9.0'\npackages: {${counted((i) => `k${i}@1.0.0: {}, `)}}`,
  `lockfileVersion: '9.0'\nsnapshots:\n${counted((i) => `  k@${i}.0.0: {dependencies: {k: 0.0.0}}\n`)}`,
  `__metadata:\n  version: 8\n${counted((i) => `"k@npm:${i}":\n  version: ${i}\n  resolution: "k@npm:${i}"\n  dependencies:\n    k: "?"\n`)}`,
  times('? '),
  times('- '),
  times('a: '),
  times('---\n'),
  `a: "${times('\\x41')}"`,
  `a: >\n${times(' b\n')}`,
];
const LINES = [
  counted((i) => `k@${i}:\n  version "${i}"\n  dependencies:\n    k "?"\n`),
  `${times('a@1, ')}:\n`,
  times('require ('),
  `require (\n${counted((i) => `\ta${i} v1\n`)})`,
  counted((i) => `g:a:${i}=test\n`),
  `GEM\n${counted((i) => `    a${i} (1-x)\n      a\n`)}`,
  times('    a (1\n'),
  `    ${times('a')} (${times('1-')})`,
];
const WORST: Readonly<Record<string, readonly string[]>> = {
  requirements: [
    `a${times(' ')}b`,
    `a==${times('1.')}`,
    `a[${times('x,')}`,
    times('a==1 \\\n'),
    times('-r a\n'),
    `# via ${times('a, ')}`,
    counted((i) => `a${i}\n    # via a\n`),
  ],
  toml: TOML,
  json: JSON_TEXTS,
  yaml: YAML,
  lines: LINES,
};
const KINDS: Readonly<Record<string, readonly string[]>> = {
  requirements: ['requirements'],
  'poetry-lock': ['toml'],
  'uv-lock': ['toml'],
  pylock: ['toml'],
  pyproject: ['toml'],
  'cargo-lock': ['toml'],
  'pnpm-lock': ['yaml'],
  'yarn-lock': ['yaml', 'lines'],
  'go-mod': ['lines'],
  'gemfile-lock': ['lines'],
  'gradle-lock': ['lines'],
};

/** One format of each scanner. */
const SCANNERS = [
  'requirements.txt',
  'pyproject.toml',
  'uv.lock',
  'Cargo.lock',
  'package-lock.json',
  'package.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'go.mod',
  'Gemfile.lock',
  'gradle.lockfile',
];

test.each(SCANNERS)('%s: a megabyte of the worst text ends quickly', async (file) => {
  const kinds = KINDS[formatOf(file) ?? ''] ?? ['json'];
  const slow: string[] = [];
  for (const text of [...ANY, ...kinds.flatMap((kind) => WORST[kind] ?? [])]) {
    const took = await seconds(() => extract(file, text, context({ 'package.json': MANIFEST })));
    if (took > 20) slow.push(`${took.toFixed(1)} s: ${JSON.stringify(text.slice(0, 60))}`);
  }
  expect(slow).toEqual([]);
});
