/** Go, Rust, Ruby, PHP, Gradle, NuGet. */
import { describe, expect, test } from '@jest/globals';
import { brief, extract, way } from './kit.ts';

describe('go.mod', () => {
  test('blocks, comments, quotes, replacements by version and by path', async () => {
    const text = [
      'module "example.com/app" // the app',
      'go 1.21',
      'require (',
      '\ta.example/x v1.0.0',
      '\t"b.example/y/v2" v2.1.0+incompatible // indirect',
      '\tc.example/z v0.0.0-20240101000000-abcdefabcdef // indirect; why',
      ')',
      'require d.example/w v1.0.0',
      'require e.example/v v1.0.0',
      'replace (',
      '\td.example/w v1.0.0 => d.example/fork v1.0.1',
      '\td.example/w v9.0.0 => d.example/other v1.0.2',
      ')',
      'replace e.example/v => ../v',
      'exclude a.example/x v0.9.0',
      'retract (',
      '\tv0.1.0 // wrong',
      ')',
      'godebug default=go1.21',
      'tool a.example/x/cmd',
    ].join('\n');
    const report = await extract('go.mod', text);
    expect(report.problems).toEqual([]);
    expect(brief(report.deps)).toEqual([
      '4 a.example/x 1.0.0 unknown',
      '5 b.example/y/v2 2.1.0+incompatible unknown',
      '6 c.example/z 0.0.0-20240101000000-abcdefabcdef unknown',
      '11 d.example/fork 1.0.1 unknown',
      '14 e.example/v [] unknown path',
      '2 stdlib [>=1.21] unknown',
    ]);
    expect(report.deps.map((d) => d.direct)).toEqual([true, undefined, undefined, true, true, true]);
  });

  test.each([
    ['go 1.21.3\n', '1 stdlib [>=1.21.3] unknown'],
    ['go 1.21\ntoolchain go1.22.5\n', '2 stdlib [>=1.22.5] unknown'],
    ['go 1.21\ntoolchain go1.22.5-custom\n', '2 stdlib [>=1.22.5] unknown'],
    ['go 1.21\ntoolchain default\n', '1 stdlib [>=1.21] unknown'],
    ['go 1.22rc1\n', '1 stdlib [>=1.22.0-rc.1] unknown'],
  ])('%j asks for %s', async (text, wanted) => {
    expect(brief((await extract('go.mod', text)).deps)).toEqual([wanted]);
  });

  test.each([
    ['go one\n', 1],
    ['require a.example/x\n', 1],
    ['\nreplace a.example/x v1\n', 2],
    ['unknown a b\n', 1],
    ['require (\n', undefined],
  ])('%j is a problem', async (text, line) => {
    const report = await extract('go.mod', text);
    expect([report.status, report.problems[0]?.line]).toEqual(['partial', line]);
  });
});

describe('Cargo.lock', () => {
  test('members are no packages; two versions of one crate keep their own parents; git', async () => {
    const pkg = (name: string, version: string, more: string): string =>
      `[[package]]\nname = "${name}"\nversion = "${version}"\n${more}\n`;
    const registry = 'source = "sparse+https://index.example.com/"\n';
    const text = [
      'version = 4\n',
      pkg('app', '0.1.0', 'dependencies = ["a", "rand 0.8.0"]'),
      pkg('a', '1.0.0', `${registry}dependencies = ["rand 0.7.0"]`),
      pkg('g', '1.0.0', 'source = "git+https://example.com/g#abc"'),
      pkg('rand', '0.7.0', registry),
      pkg('rand', '0.8.0', registry),
    ].join('');
    const report = await extract('Cargo.lock', text);
    expect(report.deps.map((d) => [d.name, d.version, d.source, d.direct, d.via])).toEqual([
      ['a', '1.0.0', 'registry', true, []],
      ['g', '1.0.0', 'git', undefined, []],
      ['rand', '0.7.0', 'registry', undefined, ['a']],
      ['rand', '0.8.0', 'registry', true, []],
    ]);
    expect(report.memberNames).toEqual(['app']);
  });

  test.each(['version = 5\n', 'version = "x"\n', 'version = 0\n', '[[package]]\nversion = "1"\n'])(
    '%j is refused',
    async (text) => {
      expect((await extract('Cargo.lock', text)).status).toBe('failed');
    },
  );
});

describe('Gemfile.lock', () => {
  test('platforms are cut, sources are told apart, what is asked for is direct', async () => {
    const text = [
      'GIT',
      '  remote: https://example.com/g.git',
      '  specs:',
      '    g (1.0.0)',
      '      a (>= 1)',
      'PATH',
      '  remote: .',
      '  specs:',
      '    own (0.1.0)',
      'GEM',
      '  remote: https://example.com/',
      '  specs:',
      '    a (1.2.3-x86_64-linux)',
      '      b',
      '    a (1.2.3-java)',
      '    b (2.0.0.rc1)',
      'PLATFORMS',
      '  ruby',
      'DEPENDENCIES',
      '  a (~> 1)!',
      '  g!',
      'CHECKSUMS',
      '  a (1.2.3) sha256=00',
      'BUNDLED WITH',
      '   2.5.4',
    ].join('\n');
    const report = await extract('Gemfile.lock', text);
    expect(brief(report.deps)).toEqual([
      '4 g 1.0.0 unknown git',
      '9 own 0.1.0 unknown path',
      '13 a 1.2.3 unknown',
      '15 a 1.2.3 unknown',
      '16 b 2.0.0.rc1 unknown',
    ]);
    expect(way(report, 'b')).toEqual(['a', 'b']);
    expect(report.problems).toEqual([]);
  });

  test('a spec without a version and a conflict are problems', async () => {
    const report = await extract('Gemfile.lock', 'GEM\n  specs:\n    a\n<<<<<<< ours\n    b (1.0)\n');
    expect(report.problems.map((p) => p.line)).toEqual([3, 4]);
  });
});

test('composer.lock: two lists, branches and prefixes as they stand, a folder is no registry', async () => {
  const one = (name: string, version: string, more: object = {}): object => ({ name, version, ...more });
  const text = JSON.stringify(
    {
      packages: [one('demo/A', 'v1.0.0', { require: { php: '>=8', 'demo/b': '^1' } }), one('demo/b', 'dev-main')],
      'packages-dev': [one('demo/c', '1.0', { dist: { type: 'path', url: '../c' } })],
    },
    null,
    1,
  );
  const report = await extract('composer.lock', text);
  expect(brief(report.deps)).toEqual([
    '5 demo/A v1.0.0 runtime',
    '13 demo/b dev-main runtime',
    '19 demo/c 1.0 dev path',
  ]);
  expect([report.deps[0]?.key, way(report, 'demo/b')]).toEqual(['demo/a', ['demo/A', 'demo/b']]);
  expect((await extract('composer.lock', '{}')).status).toBe('failed');
  expect((await extract('composer.lock', '{"packages": [{"name": "a/b"}, 1]}')).problems).toHaveLength(2);
});

test('gradle: only configurations of tests are for development; what is no entry is a problem', async () => {
  const text =
    '# comment\ng:a:1.0=compileClasspath,testCompileClasspath\ng:b:1.0=testRuntimeClasspath\ng:c:1.0=\nempty=x\nnonsense\n';
  const report = await extract('buildscript-gradle.lockfile', text);
  expect(brief(report.deps)).toEqual(['2 g:a 1.0 runtime', '3 g:b 1.0 dev', '4 g:c 1.0 runtime']);
  expect(report.problems.map((p) => p.line)).toEqual([6]);
});

test('NuGet: one package for equal versions of several frameworks; projects are nothing; names of any case', async () => {
  const entry = (type: string, resolved?: string, dependencies: object = {}): object => ({
    type,
    resolved,
    dependencies,
  });
  const text = JSON.stringify(
    {
      version: 2,
      dependencies: {
        'net8.0': {
          A: entry('Direct', '1.0.0', { b: '2.0.0' }),
          B: entry('CentralTransitive', '2.0.0'),
          P: entry('Project'),
        },
        'net9.0': { A: entry('Direct', '1.0.0'), B: entry('Transitive', '2.1.0') },
      },
    },
    null,
    1,
  );
  const report = await extract('packages.lock.json', text);
  expect(report.deps.map((d) => [d.name, d.version, d.direct, d.via])).toEqual([
    ['A', '1.0.0', true, []],
    ['B', '2.0.0', undefined, ['a']],
    ['B', '2.1.0', undefined, []],
  ]);
  const lines = text.split('\n');
  for (const dep of report.deps) expect(lines[dep.line - 1]).toContain(dep.version);
  expect((await extract('packages.lock.json', '{"version": 3, "dependencies": {}}')).status).toBe('failed');
  expect((await extract('packages.lock.json', '{"version": 1}')).status).toBe('failed');
  expect((await extract('packages.lock.json', '{"version": 1, "dependencies": {"x": {"a": {}}}}')).status).toBe(
    'partial',
  );
});
