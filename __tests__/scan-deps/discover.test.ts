/** Which files are read, which a lock governs, and what is said about the rest. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { discover } from '../../src/scan-deps/discover/files.ts';
import { formatOf, READ_NAMES, unreadOf } from '../../src/scan-deps/discover/formats.ts';
import { selectFiles } from '../../src/scan-deps/discover/select.ts';
import type { Workspace } from '../../src/scan-deps/discover/workspace.ts';
import { LIMITS } from '../../src/scan-deps/types.ts';
import { root } from '../support/bundle.ts';
import { FIXTURES, fixtureText, MANIFEST } from './extract/kit.ts';
import { advisory, checkout, lockOf, zipOf } from './support.ts';

function workspace(files: Record<string, string>, limits = LIMITS): Workspace {
  return {
    root: '/',
    limits,
    find: (path) => (path === '.' ? { path: '', kind: 'folder' } : { path, kind: 'file' }),
    read: (path) => (files[path] === undefined ? 'missing' : Buffer.from(files[path])),
    list: async () => Object.keys(files),
  };
}

const look = async (files: Record<string, string>, paths = ['.']) => {
  const found = await discover(paths, [], workspace(files));
  return {
    read: found.reports.map((r) => `${r.file}: ${r.format} ${r.status} ${r.deps.length}`).sort(),
    unsupported: found.unsupported,
    notices: found.notices.map((n) => `${n.code} ${n.file}`),
  };
};

const select = (files: string[], named: string[] = []) => {
  const { scan, governed, unsupported } = selectFiles(files, named, () => false);
  return [scan.map((c) => c.file), [...governed.keys()], unsupported.map((u) => u.file)];
};

describe('by name', () => {
  test.each([
    [['package.json', 'package-lock.json'], ['package-lock.json'], ['package.json'], []],
    [['package-lock.json', 'npm-shrinkwrap.json'], ['npm-shrinkwrap.json'], ['package-lock.json'], []],
    [['a/package.json', 'package-lock.json'], ['a/package.json', 'package-lock.json'], [], []],
    [['package.json', 'bun.lock'], ['package.json'], [], ['bun.lock']],
    [['pyproject.toml', 'uv.lock'], ['uv.lock'], ['pyproject.toml'], []],
    [['pyproject.toml', 'pylock.dev.toml'], ['pylock.dev.toml'], ['pyproject.toml'], []],
    [['pyproject.toml', 'pdm.lock'], ['pyproject.toml'], [], ['pdm.lock']],
    // It locks the Pipfile, not the project.
    [['pyproject.toml', 'Pipfile', 'Pipfile.lock'], ['Pipfile.lock', 'pyproject.toml'], ['Pipfile'], []],
    [['Pipfile'], [], [], ['Pipfile']],
    [['pom.xml'], [], [], ['pom.xml']],
    [['Cargo.toml', 'Cargo.lock'], ['Cargo.lock'], ['Cargo.toml'], []],
    [['Cargo.toml'], [], [], ['Cargo.toml']],
    [['app/App.csproj', 'app/packages.lock.json'], ['app/packages.lock.json'], ['app/App.csproj'], []],
    [['app/App.fsproj'], [], [], ['app/App.fsproj']],
    [['build.gradle.kts', 'gradle.lockfile'], ['gradle.lockfile'], ['build.gradle.kts'], []],
    // It locks the plugins of the build, not the project.
    [['build.gradle', 'buildscript-gradle.lockfile'], ['buildscript-gradle.lockfile'], [], ['build.gradle']],
    [
      ['requirements/dev.txt', 'requirements-x.txt', 'notes.txt', 'pylock.toml.bak'],
      ['requirements-x.txt', 'requirements/dev.txt'],
      [],
      [],
    ],
  ])('%j', (files, scan, governed, unsupported) => {
    expect(select(files)).toEqual([scan, governed, unsupported]);
  });

  test('the README lists every name that is read, no other, and each once', () => {
    const readme = readFileSync(join(root, 'actions/scan-deps/README.md'), 'utf8');
    const section = readme.split('\n## What is read\n')[1]?.split('\n## ')[0] ?? '';
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const listed = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    );
    expect(listed.sort()).toEqual([...READ_NAMES].sort());
    for (const name of listed) {
      expect(formatOf(name.replace('*', 'dev'))).toBeDefined();
      expect(unreadOf(name.replace('*', 'dev'))).toBeUndefined();
    }
    const [, examples = ''] = /cannot read \(([^)]*)\)/.exec(section) ?? [];
    const unread = [...examples.matchAll(/`([^`]+)`/g)].map((match) => unreadOf(match[1] ?? ''));
    expect([unread.length > 0, unread.includes(undefined)]).toEqual([true, false]);
  });

  test('a named file is read, whatever governs it', () => {
    expect(select(['package-lock.json'], ['package.json', 'deps.in'])).toEqual([
      ['deps.in', 'package-lock.json', 'package.json'],
      [],
      [],
    ]);
  });
});

test('a lock above governs the workspaces that it lists, and only those', async () => {
  const found = await look({
    'package-lock.json': lockOf({ web: {}, 'node_modules/web': { link: true } }),
    'web/package.json': '{"dependencies": {"a": "^1"}}',
    'other/package.json': '{"dependencies": {"a": "^1"}}',
    'py/uv.lock': 'version = 1\n[[package]]\nname = "lib"\nsource = { editable = "lib" }\n',
    'py/lib/pyproject.toml': '[project]\ndependencies = ["a"]\n',
    'py/lib/package.json': '{"dependencies": {"a": "^1"}}',
    'rs/Cargo.lock': 'version = 4\n[[package]]\nname = "core"\nversion = "0.1.0"\n',
    'rs/core/Cargo.toml': '[package]\nedition = "2021"\nname = "core"\n[dependencies]\na = "1"\n',
    'rs/apart/Cargo.toml': '[package]\nname = "apart"\n[dependencies]\na = "1"\n',
  });
  expect(found.read).toEqual([
    'other/package.json: package-json read 1',
    'package-lock.json: package-lock read 0',
    'py/lib/package.json: package-json read 1',
    'py/uv.lock: uv-lock read 0',
    'rs/Cargo.lock: cargo-lock read 0',
  ]);
  expect(found.unsupported).toEqual(['rs/apart/Cargo.toml']);
});

test('a lock without any package governs nothing: the manifest beside it is read, or named', async () => {
  const manifest = '{"dependencies": {"lodash": "^4.17.20"}}';
  for (const [name, text] of Object.entries({
    'yarn.lock': '',
    'package-lock.json': lockOf({}),
    'pnpm-lock.yaml': "lockfileVersion: '9.0'\n",
  })) {
    const { read } = await look({ [name]: text, 'package.json': manifest });
    expect(read).toContain('package.json: package-json read 1');
  }
  const rust = await look({ 'Cargo.lock': 'version = 4\n', 'Cargo.toml': '[dependencies]\nx = "1"\n' });
  expect([rust.unsupported, rust.notices]).toEqual([['Cargo.toml'], ['W_UNSUPPORTED Cargo.toml']]);
  // One that lists workspaces has said what there is: their ranges are about folders.
  const linked = lockOf({ 'packages/a': {}, 'node_modules/a': { resolved: 'packages/a', link: true } });
  const { read } = await look({ 'package-lock.json': linked, 'package.json': '{"dependencies": {"a": "^1"}}' });
  expect(read).toEqual(['package-lock.json: package-lock read 0']);
  // One that cannot be read is red in any case.
  const broken = await look({ 'package-lock.json': '{', 'package.json': manifest });
  expect(broken.read).toEqual(['package-lock.json: package-lock failed 0']);
});

test('what cannot be read is named once, if it declares packages at all', async () => {
  const found = await look({
    'bun.lock': '',
    'pom.xml': '<project><dependencies><dependency/></dependencies></project>',
    'bare/pom.xml': '<project></project>',
    'setup.py': 'setup(install_requires=["a"])',
    'bare/setup.py': 'setup()',
    'App.csproj': '<PackageReference Include="A" />',
    'bare/App.csproj': '<Project />',
    'poetry/pyproject.toml': '[project]\ndependencies = ["b"]\n[tool.poetry.dependencies]\na = "^1"\n',
    'tool/pyproject.toml': '[tool.ruff]\nline-length = 1\n',
  });
  expect(found.unsupported).toEqual(['App.csproj', 'bun.lock', 'poetry/pyproject.toml', 'pom.xml', 'setup.py']);
  expect(found.notices).toEqual(
    ['App.csproj', 'bun.lock', 'pom.xml', 'setup.py', 'poetry/pyproject.toml'].map((file) => `W_UNSUPPORTED ${file}`),
  );
  expect(found.read).toEqual(['poetry/pyproject.toml: pyproject read 1', 'tool/pyproject.toml: pyproject read 0']);
});

test('a lock that is too big, no UTF-8 or gone is a failed file; too many packages in all is a limit', async () => {
  const files = { 'yarn.lock': '', 'go.mod': '', 'Cargo.lock': '' };
  const odd: Workspace = {
    ...workspace(files),
    read: (path) => (path === 'yarn.lock' ? 'too-big' : path === 'go.mod' ? Buffer.from([0xff]) : 'missing'),
  };
  const { reports } = await discover(['.'], [], odd);
  expect(reports.map((r) => [r.file, r.status, r.problems[0]?.code])).toEqual([
    ['Cargo.lock', 'failed', 'E_UNREADABLE'],
    ['go.mod', 'failed', 'E_UNREADABLE'],
    ['yarn.lock', 'failed', 'E_LIMIT'],
  ]);
  const small = workspace(
    { 'go.mod': 'require a.example/x v1.0.0\nrequire a.example/y v1.0.0\n' },
    { ...LIMITS, packages: 1 },
  );
  expect((await discover(['.'], [], small)).reports[0]).toMatchObject({ deps: [], problems: [{ code: 'E_LIMIT' }] });
});

test('every format, from file to SARIF: each region is the line of its package', async () => {
  const texts = new Map<string, string>();
  for (const { fixture, file } of FIXTURES) texts.set(`${fixture.replaceAll('.', '-')}/${file}`, fixtureText(fixture));
  for (const folder of ['yarn-1-lock', 'yarn-berry-lock']) texts.set(`${folder}/package.json`, MANIFEST);
  const { reports } = await discover(['.'], [], workspace(Object.fromEntries(texts)));
  using work = checkout(Object.fromEntries(texts));
  const events = [{ introduced: '0' }];
  const records = new Map<string, Map<string, { id: string }>>();
  for (const { eco, key } of reports.flatMap((r) => r.deps)) {
    const known = records.get(eco) ?? new Map();
    const id = `DEMO-${known.size}`;
    if (!known.has(key))
      known.set(key, advisory(`${eco.replace('.', '').toUpperCase()}-${id}`, { name: key, eco, events, word: 'LOW' }));
    records.set(eco, known);
  }
  for (const [eco, known] of records) work.write(`../db/${eco}/all.zip`, zipOf([...known.values()]));
  const scan = await work.scan({ database: '../db', 'max-database-age': 'none' });
  expect(scan.report.problems).toEqual([]);
  expect(scan.report.coverage.files).toHaveLength(FIXTURES.length);
  const registry = reports.flatMap((r) => r.deps).filter((d) => d.source === 'registry');
  expect(scan.report.findings.length).toBe(registry.length);
  const wrong = scan.report.findings.filter(({ file, line, version, range, exact, package: name }) => {
    const text = texts.get(file)?.split('\n')[line - 1] ?? '';
    const wanted = version ?? (name === 'stdlib' ? '1.22.5' : (range ?? '?'));
    return !exact || !wanted.split(',').every((part) => text.includes(part));
  });
  expect(wrong).toEqual([]);
  const regions = scan.sarif.runs[0]?.results.map((result) =>
    JSON.stringify(result.locations)
      .match(/"uri":"([^"]*)".*"startLine":(\d+)/)
      ?.slice(1)
      .join(':'),
  );
  expect(new Set(regions)).toEqual(new Set(scan.report.findings.map((f) => `${f.file}:${f.line}`)));
});
