/** A whole file of each format: every package, each on the line of its version. */
import { describe, expect, test } from '@jest/globals';
import { context, extract, FIXTURES, fixtureText, MANIFEST, way } from './kit.ts';

describe.each(FIXTURES)('$fixture as $file', ({ fixture, file, format, packages }) => {
  const text = fixtureText(fixture);
  const read = () => extract(file, text, context({ 'package.json': MANIFEST }));

  test(`${packages} packages, each line has the version`, async () => {
    const report = await read();
    expect([report.format, report.status, report.problems]).toEqual([format, 'read', []]);
    expect(report.deps).toHaveLength(packages);
    const lines = text.split('\n');
    const wrong = report.deps.filter((d) => {
      const line = lines[d.line - 1] ?? '';
      // The lower bound of Go's own library is made of a line that only names the version.
      const wanted = d.version ?? (d.name === 'stdlib' ? '1.22.5' : (d.range ?? '?'));
      return !d.exact || !wanted.split(',').every((part) => line.includes(part));
    });
    expect(wrong).toEqual([]);
    // No two packages of these files share a line.
    expect(new Set(report.deps.map((d) => d.line)).size).toBe(packages);
  });

  test('the same with CRLF, which is also how it may be checked out', async () => {
    const crlf = await extract(file, text.replaceAll('\n', '\r\n'), context({ 'package.json': MANIFEST }));
    expect(crlf).toEqual(await read());
  });
});

const JS_WAY = ['birch-kit', 'delta-kit', 'heron-kit', 'quill-kit', 'harbor-kit'];
const PY_WAY = ['py-birch', 'delta-core', 'heron-core', 'quill', 'py-harbor'];

/** Of the tree of 36, 15 hang below the one that is asked for in development only. */
test.each([
  ['npm-3.json', 'package-lock.json', 15, JS_WAY],
  ['npm-2.json', 'package-lock.json', 15, JS_WAY],
  // Lock version 1 does not tell what the project itself asks for.
  ['npm-1.json', 'package-lock.json', 15, ['amber-kit', ...JS_WAY]],
  ['pnpm-5.4.yaml', 'pnpm-lock.yaml', 15, JS_WAY],
  ['pnpm-6.0.yaml', 'pnpm-lock.yaml', 15, JS_WAY],
  ['pnpm-9.0.yaml', 'pnpm-lock.yaml', 15, JS_WAY],
  ['pnpm-11.yaml', 'pnpm-lock.yaml', 15, JS_WAY],
  ['yarn-1.lock', 'yarn.lock', 15, JS_WAY],
  ['yarn-berry.lock', 'yarn.lock', 15, JS_WAY],
  ['npm-manifest.json', 'package.json', 12, ['harbor-kit']],
  ['poetry-1.1.lock', 'poetry.lock', 15, undefined],
  ['poetry-2.0.lock', 'poetry.lock', 0, undefined],
  ['poetry-2.1.lock', 'poetry.lock', 15, undefined],
  ['uv-1.lock', 'uv.lock', 15, PY_WAY],
  ['pylock-1.0.toml', 'pylock.toml', 0, ['amber', ...PY_WAY]],
  ['pipfile-6.json', 'Pipfile.lock', 15, undefined],
  ['pyproject.toml.txt', 'pyproject.toml', 14, undefined],
  ['cargo-1.lock', 'Cargo.lock', 0, ['birch', 'delta', 'heron', 'quill', 'harbor']],
  ['cargo-4.lock', 'Cargo.lock', 0, ['birch', 'delta', 'heron', 'quill', 'harbor']],
  ['gemfile.lock', 'Gemfile.lock', 0, ['birch', 'delta', 'heron', 'quill', 'harbor']],
  ['composer.lock.json', 'composer.lock', 15, undefined],
  ['gradle.txt', 'gradle.lockfile', 15, undefined],
  ['gradle-buildscript.txt', 'buildscript-gradle.lockfile', 0, undefined],
  ['nuget-1.json', 'packages.lock.json', 0, ['Demo.Birch', 'Demo.Delta', 'Demo.Heron', 'Demo.Quill', 'Demo.Harbor']],
] as const)('%s as %s: %i for development only, and the way in', async (fixture, file, count, wanted) => {
  const report = await extract(file, fixtureText(fixture), context({ 'package.json': MANIFEST }));
  expect(report.deps.filter((d) => d.scope === 'dev')).toHaveLength(count);
  if (wanted !== undefined) expect(way(report, wanted.at(-1) ?? '')).toEqual(wanted);
});
