/** The locks of Python, and pyproject.toml. */
import { describe, expect, test } from '@jest/globals';
import { brief, context, extract, names, way } from './kit.ts';

const pkg = (name: string, version: string | undefined, more = ''): string =>
  `[[package]]\nname = "${name}"\n${version === undefined ? '' : `version = "${version}"\n`}${more}\n`;

describe('poetry.lock', () => {
  const metadata = (version: string): string => `[metadata]\n${version}content-hash = "0"\n`;

  test('trap 15: only groups other than main are for development', async () => {
    const text = [
      pkg('a', '1.0', 'groups = ["dev"]'),
      pkg('b', '1.0', 'groups = ["main", "dev"]'),
      pkg('c', '1.0', 'groups = ["docs", "dev"]'),
      pkg('d', '1.0', 'category = "dev"'),
      pkg('e', '1.0', 'category = "main"'),
      pkg('f', '1.0'),
      metadata('lock-version = "2.1"\n'),
    ].join('');
    const report = await extract('poetry.lock', text);
    expect(report.deps.map((d) => [d.name, d.scope])).toEqual([
      ['a', 'dev'],
      ['b', 'runtime'],
      ['c', 'dev'],
      ['d', 'dev'],
      ['e', 'runtime'],
      ['f', 'unknown'],
    ]);
  });

  test('sources; edges go by the normalised name', async () => {
    const source = (type: string): string => `[package.source]\ntype = "${type}"\nurl = "x"`;
    const text = [
      pkg('Top', '1.0', '[package.dependencies]\n"Some.Lib" = ">=1"\n'),
      pkg('some-lib', '1.0', source('legacy')),
      ...['git', 'url', 'directory', 'file'].map((type) => pkg(type, '1.0', source(type))),
      metadata('lock-version = "2.9"\n'),
    ].join('');
    const report = await extract('poetry.lock', text);
    expect(report.deps.map((d) => d.source)).toEqual(['registry', 'registry', 'git', 'url', 'path', 'path']);
    expect(way(report, 'some-lib')).toEqual(['Top', 'some-lib']);
  });

  test.each([
    [metadata('lock-version = "3.0"\n'), 'failed', 'E_UNREADABLE'],
    [metadata('lock-version = "x"\n'), 'failed', 'E_UNREADABLE'],
    ['', 'failed', 'E_UNREADABLE'],
    ['[[package]\n', 'failed', 'E_UNREADABLE'],
    [`a = ${'['.repeat(300)}${']'.repeat(300)}`, 'failed', 'E_LIMIT'],
    [pkg('a', undefined) + metadata(''), 'partial', 'E_UNREADABLE'],
    [`[[package]]\nversion = "1"\n${metadata('')}`, 'failed', 'E_UNREADABLE'],
  ])('%j is %s with %s', async (text, status, code) => {
    const report = await extract('poetry.lock', text);
    expect([report.status, report.problems[0]?.code]).toEqual([status, code]);
  });
});

describe('trap 17: lines of TOML are counted, and checked', () => {
  const head = 'version = 1\n';
  const exact = async (text: string) =>
    (await extract('uv.lock', head + text)).deps.map((d) => [d.name, d.line, d.exact]);

  test('a header inside a string takes the lines of all, and gives none a wrong one', async () => {
    const trick = `[[package]]\nname = "a"\nversion = "1.0"\ndescription = """\n[[package]]\nname = "b"\nversion = "2.0"\n"""\n`;
    expect(await exact(trick + pkg('b', '2.0'))).toEqual([
      ['a', 1, false],
      ['b', 1, false],
    ]);
  });

  test.each([
    ['an inline array', 'package = [{ name = "a", version = "1.0" }]\n'],
    ['other spelling of the header', '[[ package ]]\nname = "a"\nversion = "1.0"\n'],
    ['an escaped version', '[[package]]\nname = "a"\nversion = "1.\\u0030"\n'],
    ['a quoted key', '[[package]]\nname = "a"\n"version" = "1.0"\n'],
  ])('%s: no line rather than a wrong one', async (_name, text) => {
    expect(await exact(text)).toEqual([['a', 1, false]]);
  });
});

describe('uv.lock', () => {
  test('trap 15: a package without a version is a member, and no package', async () => {
    const text = [
      'version = 1\nrevision = 3\n',
      pkg(
        'app',
        undefined,
        'source = { editable = "." }\ndependencies = [{ name = "a" }]\n[package.optional-dependencies]\nx = [{ name = "o" }]\n[package.dev-dependencies]\ndev = [{ name = "b" }, { name = "c", version = "2.0" }]',
      ),
      pkg('lib', '0.1.0', 'source = { virtual = "libs/lib" }\ndependencies = [{ name = "a" }]'),
      pkg('a', '1.0', 'source = { registry = "r" }\ndependencies = [{ name = "c", version = "1.0" }]'),
      pkg('b', '1.0', 'source = { registry = "r" }\ndependencies = [{ name = "d" }]'),
      pkg('c', '1.0', 'source = { registry = "r" }'),
      pkg('c', '2.0', 'source = { registry = "r" }'),
      pkg('d', '1.0', 'source = { git = "https://example.com/d" }'),
      pkg('o', '1.0', 'source = { registry = "r" }'),
      pkg('u', '1.0', 'source = { url = "https://example.com/u.whl" }'),
    ].join('');
    const report = await extract('sub/uv.lock', text);
    expect(report.deps.map((d) => [d.name, d.version, d.scope, d.source])).toEqual([
      ['lib', '0.1.0', 'runtime', 'workspace'],
      ['a', '1.0', 'runtime', 'registry'],
      ['b', '1.0', 'dev', 'registry'],
      ['c', '1.0', 'runtime', 'registry'],
      ['c', '2.0', 'dev', 'registry'],
      ['d', '1.0', 'dev', 'git'],
      ['o', '1.0', 'runtime', 'registry'],
      ['u', '1.0', 'runtime', 'url'],
    ]);
    expect(report.members).toEqual(['sub', 'sub/libs/lib']);
    expect(way(report, 'd')).toEqual(['b', 'd']);
  });

  test.each([
    ['version = 2\n', 'failed'],
    ['', 'failed'],
    [`version = 1\n${pkg('a', undefined, 'source = { registry = "r" }')}`, 'partial'],
  ])('%j is %s', async (text, status) => {
    expect((await extract('uv.lock', text)).status).toBe(status);
  });
});

describe('Pipfile.lock', () => {
  const read = (value: object, meta: object = { 'pipfile-spec': 6 }) =>
    extract('Pipfile.lock', JSON.stringify({ _meta: meta, ...value }, null, 1));

  test('what development shares with production is said once; categories count; sources', async () => {
    const report = await read({
      default: {
        a: { version: '==1.0' },
        g: { git: 'https://example.com/g', ref: 'abc' },
        p: { path: '.', editable: true },
      },
      develop: { a: { version: '==1.0' }, b: { version: '===2.0' }, f: { file: 'https://example.com/f.whl' } },
      docs: { d: { version: '==3.0' } },
    });
    expect(brief(report.deps).map((text) => text.replace(/^\d+ /, ''))).toEqual([
      'a 1.0 runtime',
      'g [] runtime git',
      'p [] runtime path',
      'b 2.0 dev',
      'f [] dev url',
      'd 3.0 unknown',
    ]);
    expect(report.problems).toEqual([]);
  });

  test('a package without a version, an unknown specification, a key twice', async () => {
    expect((await read({ default: { a: { version: '*' } } })).deps[0]).toMatchObject({ version: '*' });
    expect((await read({ default: { a: {} } })).status).toBe('partial');
    expect((await read({}, { 'pipfile-spec': 7 })).status).toBe('failed');
    expect((await read({}, {})).status).toBe('failed');
    expect(
      (await extract('Pipfile.lock', '{"_meta": {"pipfile-spec": 6}, "default": {"a": {}, "a": {}}}')).status,
    ).toBe('failed');
  });
});

test('pylock.toml: sources, and no way in without edges', async () => {
  const element = (name: string, more: string): string => `[[packages]]\nname = "${name}"\n${more}\n`;
  const text = [
    'lock-version = "1.0"\n',
    element('a', 'version = "1.0"\nindex = "x"'),
    element('v', 'version = "1.0"\n[packages.vcs]\ntype = "git"'),
    element('d', '[packages.directory]\npath = "."'),
    element('z', '[packages.archive]\nurl = "x"'),
    element('n', 'index = "x"'),
  ].join('');
  const report = await extract('pylock.dev.toml', text);
  expect(report.deps.map((d) => [d.name, d.source, d.direct])).toEqual([
    ['a', 'registry', undefined],
    ['v', 'git', undefined],
    ['d', 'path', undefined],
    ['z', 'url', undefined],
  ]);
  expect(report.problems).toEqual([expect.objectContaining({ code: 'E_UNREADABLE', line: 19 })]);
  expect((await extract('pylock.toml', 'lock-version = "2.0"\n')).status).toBe('failed');
});

describe('pyproject.toml', () => {
  test('lists, extras, groups, of uv and pdm too; includes of groups and of the own extras are nothing', async () => {
    const text = [
      '[project]',
      'name = "My.App"',
      'dependencies = [\'a>=1\', "b == 2.0", # c',
      '  "git @ git+https://example.com/g.git"]',
      'optional-dependencies.x = ["o<3", "my-app[y]"]',
      '[dependency-groups]',
      'dev = ["d", { include-group = "docs" }]',
      'docs = ["d"]',
      '[tool.uv]',
      'dev-dependencies = ["u~=1.0"]',
      '[tool.pdm.dev-dependencies]',
      'test = ["p", "-e file:///${PROJECT_ROOT}/sub#egg=sub"]',
    ].join('\n');
    const report = await extract('pyproject.toml', text);
    expect(brief(report.deps)).toEqual([
      '3 a [>=1] runtime',
      '3 b 2.0 runtime',
      '4 git [] runtime git',
      '5 o [<3] runtime',
      '7 d [] dev',
      '8 d [] dev',
      '10 u [~=1.0] dev',
      '12 p [] dev',
      '12 sub [] dev path',
    ]);
    expect([report.problems, report.unread]).toEqual([[], undefined]);
  });

  test('an inline table, dotted keys and escapes have lines too; what is not there has none', async () => {
    const text = 'project = { name = "x", dependencies = [\n  "a\\u003e=1",\n  """b""",\n] }\n';
    expect((await extract('pyproject.toml', text)).deps.map((d) => [d.name, d.line, d.exact])).toEqual([
      ['a', 2, true],
      ['b', 3, true],
    ]);
    const long = '[project]\ndependencies = ["a\\U0000003e=1"]\n';
    expect((await extract('pyproject.toml', long)).deps[0]).toMatchObject({ line: 1, exact: false, range: '>=1' });
  });

  test.each([
    ['[tool.poetry.dependencies]\npython = "^3"\nx = "^1"\n', 'the dependencies of poetry'],
    ['[tool.poetry.group.dev.dependencies]\nx = "^1"\n', 'the dependencies of poetry'],
    ['[project]\ndynamic = ["dependencies"]\n', 'dependencies that are made when the project is built'],
    ['[tool.poetry.dependencies]\npython = "^3"\n', undefined],
    ['[project]\ndynamic = ["version"]\n', undefined],
  ])('%j leaves unread: %s', async (text, unread) => {
    expect((await extract('pyproject.toml', text)).unread).toBe(unread);
  });

  test.each([
    ['[project]\ndependencies = ["not a requirement"]\n', 2],
    ['[project]\ndependencies = "a"\n', 1],
    ['[project]\n\ndependencies = [1]\n', undefined],
  ])('%j is a problem', async (text, line) => {
    const report = await extract('pyproject.toml', text);
    expect([report.status, report.problems[0]?.line]).toEqual(['partial', line]);
  });
});

test('more packages than a file may have is a limit, in every format', async () => {
  const ctx = context({}, { packagesPerFile: 2 });
  const three = ['a', 'b', 'c'].map((name) => pkg(name, '1.0', 'source = { registry = "r" }')).join('');
  const report = await extract('uv.lock', `version = 1\n${three}`, ctx);
  expect(report).toMatchObject({ status: 'failed', deps: [], problems: [{ code: 'E_LIMIT' }] });
  expect(
    names((await extract('uv.lock', `version = 1\n${pkg('a', '1.0', 'source = { registry = "r" }')}`, ctx)).deps),
  ).toEqual(['a 1.0']);
});
