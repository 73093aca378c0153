/** package.json, package-lock, pnpm and both kinds of yarn.lock. */
import { describe, expect, test } from '@jest/globals';
import { brief, context, extract, names, way } from './kit.ts';

describe('package.json', () => {
  const read = (dependencies: Record<string, string>) =>
    extract('package.json', JSON.stringify({ dependencies }, null, 2));

  test.each([
    ['^4.17.20', 'a [^4.17.20] runtime'],
    ['4.17.20', 'a 4.17.20 runtime'],
    ['=v4.17.20', 'a 4.17.20 runtime'],
    ['4.17.x || 3.x', 'a [4.17.x || 3.x] runtime'],
    ['', 'a [*] runtime'],
    ['latest', 'a [*] runtime'],
    ['catalog:', 'a [*] runtime'],
    ['npm:real@^1', 'real [^1] runtime'],
    ['npm:@s/real@1.0.0', '@s/real 1.0.0 runtime'],
    ['npm:real', 'real [*] runtime'],
    ['npm:^1.2', 'a [^1.2] runtime'],
    ['patch:lodash@npm%3A4.17.20#./x.patch', 'lodash 4.17.20 runtime'],
    ['git+ssh://git@example.com/a.git#v1', 'a [] runtime git'],
    ['https://example.com/a.git', 'a [] runtime git'],
    ['user/repo#v1', 'a [] runtime git'],
    ['github:user/repo', 'a [] runtime git'],
    ['https://example.com/a.tgz', 'a [] runtime url'],
    ['file:../a', 'a [] runtime path'],
    ['link:../a', 'a [] runtime path'],
    ['../a', 'a [] runtime path'],
    ['workspace:^', 'a [] runtime workspace'],
  ])('%s', async (spec, wanted) => {
    const { deps, problems } = await read({ a: spec });
    expect([brief(deps), problems]).toEqual([[`3 ${wanted}`], []]);
  });

  test('peer dependencies are not asked for here; development is a scope', async () => {
    const text =
      '{"peerDependencies": {"p": "1"},\n"devDependencies": {"d": "^1"},\n"optionalDependencies": {"o": "1"}}';
    expect(brief((await extract('package.json', text)).deps)).toEqual(['3 o [1] runtime', '2 d [^1] dev']);
  });

  test('trap 14: __proto__ and constructor are names, and a key twice is a problem', async () => {
    const odd = '{"dependencies": {"__proto__": "1.0.0",\n"constructor": "^2"}}';
    expect(brief((await extract('package.json', odd)).deps)).toEqual([
      '1 __proto__ 1.0.0 runtime',
      '2 constructor [^2] runtime',
    ]);
    const twice = await extract('package.json', '{"dependencies": {"a": "1",\n"a": "2"}}');
    expect(twice).toMatchObject({ status: 'failed', problems: [{ code: 'E_UNREADABLE', line: 2 }] });
  });

  test.each([
    ['{"dependencies": []}', 'partial'],
    ['{"dependencies": {"a": 1}}', 'partial'],
    ['{"dependencies": {"a": "patch:patch:patch:x"}}', 'partial'],
    ['{', 'failed'],
    ['[]', 'failed'],
    ['{"a\\u0000b": 1}', 'failed'],
  ])('%s is %s', async (text, status) => {
    expect((await extract('package.json', text)).status).toBe(status);
  });
});

test('package-lock: what a workspace asks for is direct, and its folder is governed', async () => {
  const packages = {
    '': { dependencies: { a: '1' }, workspaces: ['web'] },
    web: { dependencies: { b: '1' } },
    'node_modules/web': { resolved: 'web', link: true },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', dependencies: { a: '1' } },
    'web/node_modules/c': { version: '3.0.0' },
  };
  const report = await extract('sub/package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }));
  expect(names(report.deps)).toEqual(['a 1.0.0', 'b 2.0.0', 'c 3.0.0']);
  expect(report.deps.map((d) => d.direct)).toEqual([true, true, undefined]);
  expect(report.members).toEqual(['sub/web']);
});

describe('pnpm', () => {
  const lock = (body: string) => extract('pnpm-lock.yaml', body);

  test('trap 16: packages of both documents of a stream', async () => {
    const text = [
      '---',
      "lockfileVersion: '9.0'",
      'importers: {.: {packageManagerDependencies: {pnpm: {specifier: 11.0.3, version: 11.0.3}}}}',
      'packages:',
      '  pnpm@11.0.3: {resolution: {integrity: x}}',
      'snapshots: {pnpm@11.0.3: {}}',
      '---',
      "lockfileVersion: '9.0'",
      'importers: {.: {devDependencies: {a: {specifier: ^1, version: 1.0.0}}}, web: {dependencies: {b: {specifier: 1, version: 1.1.0}}}}',
      'packages:',
      '  a@1.0.0: {resolution: {integrity: x}}',
      '  b@1.1.0: {resolution: {integrity: x}}',
      'snapshots: {a@1.0.0: {}, b@1.1.0: {}}',
    ].join('\n');
    const report = await lock(text);
    expect(brief(report.deps)).toEqual(['5 pnpm 11.0.3 runtime', '11 a 1.0.0 dev', '12 b 1.1.0 runtime']);
    expect(report.members).toEqual(['web']);
  });

  test.each([
    ['an anchor', "lockfileVersion: '9.0'\npackages: &a\n  x@1.0.0: {}\n", 2],
    ['an alias', "lockfileVersion: '9.0'\npackages: {}\nsnapshots: *a\n", 3],
  ])('trap 16: %s is refused', async (_name, text, line) => {
    expect(await lock(text)).toMatchObject({ status: 'failed', deps: [], problems: [{ code: 'E_LIMIT', line }] });
  });

  test('aliases, peers, tarballs, repositories, folders', async () => {
    const text = [
      "lockfileVersion: '9.0'",
      'importers:',
      '  .:',
      '    dependencies:',
      '      lo: {specifier: npm:lodash@4, version: lodash@4.17.20}',
      "      s: {specifier: npm:@s/real@1, version: '@s/real@1.0.0(peer@2.0.0)'}",
      '      g: {specifier: user/g, version: https://codeload.github.com/user/g/tar.gz/abc}',
      '      f: {specifier: file:../f, version: file:../f}',
      '      w: {specifier: workspace:*, version: link:../w}',
      'packages:',
      '  lodash@4.17.20: {resolution: {integrity: x}}',
      "  '@s/real@1.0.0': {resolution: {integrity: x}}",
      '  peer@2.0.0: {resolution: {integrity: x}}',
      '  g@https://codeload.github.com/user/g/tar.gz/abc: {resolution: {tarball: x}, version: 1.2.3}',
      '  f@file:../f: {resolution: {directory: ../f, type: directory}}',
      '  t@https://example.com/t.tgz: {resolution: {tarball: x}, version: 0.1.0}',
      'snapshots:',
      "  '@s/real@1.0.0(peer@2.0.0)': {dependencies: {peer: 2.0.0}}",
    ].join('\n');
    const report = await lock(text);
    expect(brief(report.deps)).toEqual([
      '11 lodash 4.17.20 runtime',
      '12 @s/real 1.0.0 runtime',
      '13 peer 2.0.0 runtime',
      '14 g 1.2.3 runtime git',
      '15 f file:../f runtime path',
      '16 t 0.1.0 runtime url',
    ]);
    expect(report.deps.map((d) => d.direct)).toEqual([true, true, undefined, true, true, undefined]);
    expect(way(report, 'peer')).toEqual(['@s/real', 'peer']);
  });

  test('version 5: names with underscores, peers behind one, another registry', async () => {
    const text = [
      'lockfileVersion: 5.4',
      'dependencies: {a_b: 1.0.0_react@17.0.2, o: /p/2.0.0}',
      'packages:',
      '  /a_b/1.0.0_react@17.0.2: {resolution: {integrity: x}, dependencies: {react: 17.0.2}}',
      '  /@s/c_d/3.0.0_@x+y@1.0.0: {resolution: {integrity: x}, dev: true}',
      '  /p/2.0.0: {resolution: {integrity: x}}',
      '  /react/17.0.2: {resolution: {integrity: x}}',
      '  registry.example.com/q/4.0.0: {resolution: {integrity: x}, name: q, version: 4.0.0}',
      '  github.com/user/r/abc: {resolution: {tarball: x}, name: r, version: 5.0.0}',
    ].join('\n');
    expect(brief((await lock(text)).deps)).toEqual([
      '4 a_b 1.0.0 runtime',
      '5 @s/c_d 3.0.0 runtime',
      '6 p 2.0.0 runtime',
      '7 react 17.0.2 runtime',
      '8 q 4.0.0 runtime',
      '9 r 5.0.0 runtime git',
    ]);
  });

  test.each([
    ['lockfileVersion: 5.1\n', 'E_UNREADABLE'],
    ["lockfileVersion: '12.0'\n", 'E_UNREADABLE'],
    ['packages: {}\n', 'E_UNREADABLE'],
    ['', 'E_UNREADABLE'],
    ['- a\n', 'E_UNREADABLE'],
    ['a: [\n', 'E_UNREADABLE'],
    ["lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n  a@1.0.0: {}\n", 'E_UNREADABLE'],
    ["lockfileVersion: '9.0'\n? [a]\n: 1\n", 'E_UNREADABLE'],
    [`lockfileVersion: '9.0'\npackages: ${'['.repeat(300)}${']'.repeat(300)}\n`, 'E_LIMIT'],
  ])('%j is refused with %s', async (text, code) => {
    expect(await lock(text)).toMatchObject({ status: 'failed', problems: [{ code }] });
  });
});

describe('yarn', () => {
  const v1 = '# yarn lockfile v1\n\n';

  test('version 1: aliases, several patterns, repositories, what only development reaches', async () => {
    const text = `${v1}"@s/a@^1", "@s/a@^1.1":\n  version "1.1.0"\n  dependencies:\n    b "^2"\n\nb@^2:\n  version "2.0.0"\n\nc@npm:lodash@^4:\n  version "4.17.20"\n\nd@user/repo:\n  version "0.1.0"\n  resolved "https://codeload.github.com/user/repo/tar.gz/abc"\n\n"e@file:./e":\n  version "0.2.0"\n`;
    const manifest = { dependencies: { c: 'npm:lodash@^4' }, devDependencies: { '@s/a': '^1' } };
    const report = await extract('yarn.lock', text, context({ 'package.json': JSON.stringify(manifest) }));
    expect(brief(report.deps)).toEqual([
      '4 @s/a 1.1.0 dev',
      '9 b 2.0.0 dev',
      '12 lodash 4.17.20 runtime',
      '15 d 0.1.0 runtime git',
      '19 e 0.2.0 runtime path',
    ]);
    expect(way(report, 'b')).toEqual(['@s/a', 'b']);
  });

  test('a resolution that replaces a range is found by name; without a package.json no scope is known', async () => {
    const text = `${v1}a@^1:\n  version "1.0.0"\n  dependencies:\n    b "^1"\n\nb@2.0.0:\n  version "2.0.0"\n`;
    const manifest = JSON.stringify({ devDependencies: { a: '^1' }, resolutions: { b: '2.0.0' } });
    const known = await extract('yarn.lock', text, context({ 'package.json': manifest }));
    expect(known.deps.map((d) => [d.scope, d.via])).toEqual([
      ['dev', []],
      ['dev', ['a']],
    ]);
    const alone = await extract('yarn.lock', text, context());
    expect(alone.deps.map((d) => d.scope)).toEqual(['unknown', 'unknown']);
  });

  test('a workspace may need at run time what the root only needs in development', async () => {
    const text = `${v1}a@^1:\n  version "1.0.0"\n\nb@^1:\n  version "1.0.0"\n`;
    const files = {
      'package.json': JSON.stringify({
        devDependencies: { a: '^1', b: '^1' },
        workspaces: ['./packages/*', '!packages/x'],
      }),
      'packages/web/package.json': JSON.stringify({ dependencies: { a: '^1' } }),
      'packages/x/package.json': JSON.stringify({ dependencies: { b: '^1' } }),
      'packages/web/deep/package.json': JSON.stringify({ dependencies: { b: '^1' } }),
    };
    const report = await extract('yarn.lock', text, context(files));
    expect(brief(report.deps)).toEqual(['4 a 1.0.0 runtime', '7 b 1.0.0 dev']);
    expect(report.members).toEqual(['packages/web']);
    const { files: _files, ...blind } = context(files);
    expect((await extract('yarn.lock', text, blind)).deps.map((d) => d.scope)).toEqual(['unknown', 'unknown']);
  });

  test('berry: workspaces are nothing, a patch counts as its base, aliases are judged by their real name', async () => {
    const entry = (key: string, version: string, resolution: string, more = ''): string =>
      `"${key}":\n  version: ${version}\n  resolution: "${resolution}"\n${more}`;
    const text = [
      '__metadata:\n  version: 8\n',
      entry('alias@npm:lodash@^4', '4.17.20', 'lodash@npm:4.17.20'),
      entry('app@workspace:.', '0.0.0-use.local', 'app@workspace:.'),
      entry('g@https://example.com/g.git#commit=abc', '1.0.0', 'g@https://example.com/g.git#commit=abc'),
      entry('p@npm:^1', '1.0.0', 'p@npm:1.0.0', '  dependencies:\n    q: ^2\n'),
      entry('p@patch:p@npm%3A^1#./x', '1.0.0', 'p@patch:p@npm%3A1.0.0#./x::version=1.0.0&hash=0'),
      entry('q@npm:^2', '2.0.0', 'q@npm:2.0.0::__archiveUrl=https%3A%2F%2Fexample.com'),
      entry('web@workspace:packages/web', '0.0.0-use.local', 'web@workspace:packages/web'),
    ].join('\n');
    const files = {
      'package.json': JSON.stringify({
        dependencies: { alias: 'npm:lodash@^4' },
        devDependencies: { p: 'patch:p@npm%3A^1#./x' },
      }),
      'packages/web/package.json': '{}',
    };
    const report = await extract('yarn.lock', text, context(files));
    expect(brief(report.deps)).toEqual([
      '5 lodash 4.17.20 runtime',
      '13 g 1.0.0 runtime git',
      '17 p 1.0.0 dev',
      '27 q 2.0.0 dev',
    ]);
    expect(report.members).toEqual(['packages/web']);
    expect(report.problems).toEqual([]);
  });

  test.each([
    ['# yarn lockfile v2\n', 'failed'],
    ['__metadata:\n  version: 99\n', 'failed'],
    ['__metadata: {}\n', 'failed'],
    ['__metadata:\n  version: 8\na: &x {}\n', 'failed'],
    [`${v1}a@1:\n  resolved "x"\n`, 'partial'],
    [`${v1}no entry\n`, 'partial'],
    ['__metadata:\n  version: 8\n"a@npm:1":\n  version: 1\n', 'partial'],
    ['', 'read'],
  ])('%j is %s', async (text, status) => {
    expect((await extract('yarn.lock', text)).status).toBe(status);
  });
});

test('a package without a name is a problem, not a package that nobody knows anything bad about', async () => {
  const text = JSON.stringify({ lockfileVersion: 3, packages: { 'node_modules/': { version: '1.0.0' } } }, null, 2);
  const { deps, problems, status } = await extract('package-lock.json', text);
  expect([deps, status, problems.map((problem) => problem.message)]).toEqual([
    [],
    'partial',
    ['a package without a name'],
  ]);
});
