import { describe, expect, test } from '@jest/globals';
import type { ExtractContext } from '../../src/scan-deps/extract/context.ts';
import { extractPackageLock } from '../../src/scan-deps/extract/package-lock.ts';
import { extractRequirements } from '../../src/scan-deps/extract/requirements.ts';
import { type Dep, type FileReport, LIMITS } from '../../src/scan-deps/types.ts';
import { wayIn } from '../../src/scan-deps/way.ts';

type Files = Record<string, string | Uint8Array>;

function context(files: Files): ExtractContext {
  return {
    limits: LIMITS,
    read(path) {
      const content = files[path];
      if (content === undefined) return 'missing';
      return typeof content === 'string' ? Buffer.from(content) : content;
    },
  };
}

const extract = (files: Files, roots = Object.keys(files)): FileReport[] => extractRequirements(roots, context(files));
const one = (text: string | Uint8Array): FileReport => extract({ 'requirements.txt': text })[0] as FileReport;
const brief = (deps: readonly Dep[]): string[] =>
  deps.map((d) => `${d.file}:${d.line} ${d.name} ${d.version ?? `[${d.range}]`}`);

describe('requirements', () => {
  test('trap 1: a lower bound is a range, never a version', () => {
    expect(one('pkg>=2.10.0\n').deps[0]).toMatchObject({ name: 'pkg', range: '>=2.10.0' });
    expect(one('pkg>=2.10.0\n').deps[0]?.version).toBeUndefined();
    expect(one('pkg==2.*').deps[0]).toMatchObject({ range: '==2.*' });
    expect(one('pkg').deps[0]).toMatchObject({ range: '' });
  });

  test('a requirements file that others narrow by is still installed; one that calls itself constraints is not', () => {
    const files = {
      'requirements.txt': 'requests==2.19.0\n',
      'requirements-dev.txt': '-c requirements.txt\n-c requirements/constraints.txt\npytest==7\n',
      'requirements/constraints.txt': 'idle==1\n',
    };
    const deps = extract(files, Object.keys(files)).flatMap((report) => report.deps);
    expect(deps.map((dep) => `${dep.name} ${dep.constraintOnly === true}`).sort()).toEqual([
      'idle true',
      'pytest false',
      'requests false',
    ]);
  });

  test('trap 11: -c pins what is required, on the line that pins; what nobody requires is only constrained', () => {
    const [main, constraints] = extract(
      {
        'requirements.txt': '-c constraints.txt\nrequests\n',
        'constraints.txt': '# pins\nrequests==2.30.0\nunused==1.0\n',
      },
      ['requirements.txt'],
    );
    expect(main?.deps).toEqual([]);
    expect(brief(constraints?.deps ?? [])).toEqual([
      'constraints.txt:2 requests 2.30.0',
      'constraints.txt:3 unused 1.0',
    ]);
    expect(constraints?.deps.map((d) => d.constraintOnly)).toEqual([undefined, true]);
  });

  test('trap 12: a cycle of -r ends, each line is read once', () => {
    const reports = extract({
      'a-requirements.txt': '-r b-requirements.txt\nx==1\n',
      'b-requirements.txt': '-r a-requirements.txt\ny==2\n',
    });
    expect(reports.flatMap((r) => brief(r.deps)).sort()).toEqual([
      'a-requirements.txt:2 x 1',
      'b-requirements.txt:2 y 2',
    ]);
    expect(reports.every((r) => r.status === 'read')).toBe(true);
  });

  test.each([
    ['-r ../../etc/passwd', 'outside'],
    ['-r/etc/passwd', 'outside'],
    ['-r https://example.com/requirements.txt', 'remote'],
    ['--requirement=gone.txt', 'not there'],
    ['-cgone.txt', 'not there'],
  ])('trap 12: %s is a problem on its line', (line, word) => {
    const report = one(`x==1\n${line}\n`);
    expect(report.problems).toEqual([
      expect.objectContaining({ code: 'E_INCLUDE', line: 2, message: expect.stringContaining(word) }),
    ]);
    expect(report.status).toBe('partial');
  });

  test('trap 12: UTF-16, UTF-8 with BOM, a PEP 263 cookie, CRLF', () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('x==1\r\ny==2', 'utf16le')]);
    expect(brief(one(utf16).deps)).toEqual(['requirements.txt:1 x 1', 'requirements.txt:2 y 2']);
    expect(brief(one('\ufeffx==1\r\ny==2\r\n').deps)).toEqual(['requirements.txt:1 x 1', 'requirements.txt:2 y 2']);
    expect(one(Buffer.from('# -*- coding: latin-1 -*- \xe9\nx==1\n', 'latin1')).deps).toHaveLength(1);
    expect(one(Buffer.from('x==1 # \xe9\n', 'latin1'))).toMatchObject({
      status: 'failed',
      problems: [{ code: 'E_UNREADABLE' }],
    });
    expect(one(Buffer.from('x\0==1\n'))).toMatchObject({ status: 'failed' });
  });

  test('trap 12: hashes over 40 lines: the line is the first; comments; # inside a URL is none', () => {
    const hashes = Array.from({ length: 40 }, (_, i) => `    --hash=sha256:${String(i).padStart(64, '0')}`).join(
      ' \\\n',
    );
    const report = one(
      `# head\npkg==1.0 \\\n${hashes}\nnext==2 # comment\nfrom @ https://example.com/x.zip#egg=from\nx==1.0#egg\n`,
    );
    expect(report.deps.map((d) => [d.name, d.line, d.endLine])).toEqual([
      ['pkg', 2, 42],
      ['next', 43, 43],
      ['from', 44, 44],
    ]);
    expect(report.deps[2]).toMatchObject({ source: 'url' });
    // Not a comment, and no version either.
    expect(report.problems).toEqual([expect.objectContaining({ code: 'E_UNREADABLE', line: 45 })]);
  });

  test('trap 13: markers never drop a line; two pins under two markers are two packages', () => {
    const report = one('requests==2.30.0 ; python_version < "3.8"\nrequests==2.31.0 ; python_version >= "3.8"\n');
    expect(brief(report.deps)).toEqual(['requirements.txt:1 requests 2.30.0', 'requirements.txt:2 requests 2.31.0']);
  });

  test('extras, blanks, parentheses, ===, editable, VCS, paths and options', () => {
    const report = one(
      [
        '-i https://example.com/simple',
        '--extra-index-url=https://example.com/other --pre',
        'a[x,y] == 1.0 , != 2',
        'b (>=1.0)',
        'c===weird_version',
        '-e .',
        '-e git+https://example.com/r.git#egg=d',
        'git+https://example.com/r.git@v1#egg=e',
        './local/f',
        'libs/g',
        'h-1.0-py3-none-any.whl',
        '.[dev]',
        '--unknown-option',
        'not a requirement',
        'v==${VERSION}',
      ].join('\n'),
    );
    expect(report.deps.map((d) => [d.name, d.version ?? d.range ?? '', d.source])).toEqual([
      ['a', '1.0', 'registry'],
      ['b', '>=1.0', 'registry'],
      ['c', 'weird_version', 'registry'],
      ['', '', 'path'],
      ['d', '', 'git'],
      ['e', '', 'git'],
      ['', '', 'path'],
      ['', '', 'path'],
      ['', '', 'path'],
      ['', '', 'path'],
    ]);
    expect(report.problems.map((p) => [p.line, p.code])).toEqual([
      [13, 'E_UNREADABLE'],
      [14, 'E_UNREADABLE'],
      [15, 'E_UNJUDGED'],
    ]);
    expect(JSON.stringify(report.problems)).not.toContain('VERSION');
  });

  test('pip-compile: via comments give the way in, -r in them means direct', () => {
    const report = one(
      'certifi==1\n    # via requests\nidna==2\n    # via\n    #   requests\n    #   -r requirements.in\nrequests==3  # via -r requirements.in\nflask==4\n    # via requests\n# unrelated\n',
    );
    expect(report.deps.map((d) => [d.name, d.via, d.direct])).toEqual([
      ['certifi', ['requests'], undefined],
      ['idna', ['requests'], true],
      ['requests', [], true],
      ['flask', ['requests'], undefined],
    ]);
    expect(wayIn(report.deps)(report.deps[0] as Dep)).toEqual(['requests', 'certifi']);
  });

  test('a requirement behind a form feed is seen, as pip sees it', () => {
    expect(brief(one('a==1\n# harmless\fevil==6.6.6\n').deps)).toEqual([
      'requirements.txt:1 a 1',
      'requirements.txt:2 evil 6.6.6',
    ]);
  });

  test('one megabyte of the worst text ends quickly', () => {
    const start = process.cpuUsage();
    for (const text of [
      'a'.repeat(1e6),
      `a${' '.repeat(1e6)}b`,
      `a==${'1.'.repeat(5e5)}`,
      `${'-'.repeat(1e6)}`,
      `x ${'"'.repeat(1e6)}`,
      `--hash ${"'".repeat(1e6)}`,
      `a[${'x,'.repeat(5e5)}`,
    ])
      one(text);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(5000);
  });
});

describe('package-lock', () => {
  const lock = (value: object): FileReport =>
    extractPackageLock(JSON.stringify(value, null, 2), 'package-lock.json', context({}));
  const v3 = (packages: object): FileReport => lock({ lockfileVersion: 3, packages: { '': {}, ...packages } });

  test('trap 14: an alias is judged by its real name, links are nothing, odd names are names', () => {
    const report = v3({
      'node_modules/foo': { name: 'lodash', version: '4.17.20' },
      'node_modules/app': { resolved: 'packages/app', link: true },
      'packages/app': { version: '1.0.0' },
      'node_modules/constructor': { version: '1.0.0' },
      'node_modules/@s/x/node_modules/y': { version: '2.0.0', dev: true },
      'node_modules/z': { version: '3.0.0', devOptional: true, resolved: 'git+ssh://git@example.com/z.git#abc' },
    });
    expect(report.deps.map((d) => [d.name, d.version, d.scope, d.source])).toEqual([
      ['lodash', '4.17.20', 'runtime', 'registry'],
      ['constructor', '1.0.0', 'runtime', 'registry'],
      ['y', '2.0.0', 'dev', 'registry'],
      ['z', '3.0.0', 'runtime', 'git'],
    ]);
    expect(report.members).toEqual(['packages/app']);
  });

  test('what comes from a repository may have no version: counted, not judged; from the registry it is a problem', () => {
    const git = v3({ 'node_modules/g': { resolved: 'git+ssh://git@github.com/o/r.git#abc', license: 'MIT' } });
    expect(git.deps.map((d) => [d.name, d.version, d.source])).toEqual([['g', undefined, 'git']]);
    expect(git.status).toBe('read');
    const registry = v3({ 'node_modules/r': { resolved: 'https://registry.example/r/-/r-1.0.0.tgz' } });
    expect([registry.status, registry.problems[0]?.message]).toEqual(['partial', 'a package without a version']);
  });

  test('trap 14: __proto__ as a package, and duplicate keys', () => {
    const text = '{"lockfileVersion": 3, "packages": {"": {}, "node_modules/__proto__": {"version": "1.0.0"}}}';
    expect(extractPackageLock(text, 'package-lock.json', context({})).deps[0]).toMatchObject({
      name: '__proto__',
      version: '1.0.0',
    });
    const v1 = '{"lockfileVersion": 1, "dependencies": {"__proto__": {"version": "1.0.0"}}}';
    expect(extractPackageLock(v1, 'package-lock.json', context({})).deps[0]).toMatchObject({
      name: '__proto__',
      exact: true,
    });
    const twice =
      '{"lockfileVersion": 3,\n "packages": {"node_modules/a": {"version": "1.0.0",\n "version": "2.0.0"}}}';
    expect(extractPackageLock(twice, 'package-lock.json', context({}))).toMatchObject({
      status: 'failed',
      problems: [{ code: 'E_UNREADABLE', line: 3 }],
    });
  });

  test('lock version 1: nested packages, npm: aliases, URLs', () => {
    const report = lock({
      lockfileVersion: 1,
      dependencies: {
        a: { version: '1.0.0', requires: { b: '^1' }, dependencies: { b: { version: '1.1.0' } } },
        c: { version: 'npm:lodash@4.17.20' },
        d: { version: 'git+https://example.com/d.git#1' },
        e: { version: 'https://example.com/e.tgz', dev: true },
      },
    });
    expect(report.deps.map((d) => [d.name, d.version, d.source]).sort()).toEqual([
      ['a', '1.0.0', 'registry'],
      ['b', '1.1.0', 'registry'],
      ['d', 'git+https://example.com/d.git#1', 'git'],
      ['e', 'https://example.com/e.tgz', 'url'],
      ['lodash', '4.17.20', 'registry'],
    ]);
  });

  test("trap 17: a line is the version's own; where there is none it says so", () => {
    const report = v3({
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { resolved: 'https://example.com/b.tgz', version: '2.0.0' },
    });
    const text = JSON.stringify(
      {
        lockfileVersion: 3,
        packages: {
          '': {},
          'node_modules/a': { version: '1.0.0' },
          'node_modules/b': { resolved: 'https://example.com/b.tgz', version: '2.0.0' },
        },
      },
      null,
      2,
    ).split('\n');
    for (const dep of report.deps)
      expect([dep.exact, text[dep.line - 1]]).toEqual([true, expect.stringContaining(dep.version ?? '?')]);
  });

  test.each([
    ['not JSON', '{', 'E_UNREADABLE'],
    ['an unknown lock version', '{"lockfileVersion": 9, "packages": {}}', 'E_UNREADABLE'],
    ['no lock version', '{"dependencies": {}}', 'E_UNREADABLE'],
    ['a lock without its table', '{"lockfileVersion": 3}', 'E_UNREADABLE'],
    ['a package without version', '{"lockfileVersion": 3, "packages": {"node_modules/a": {}}}', 'E_UNREADABLE'],
    ['absurd depth', `{"lockfileVersion": 3, "packages": ${'['.repeat(300)}${']'.repeat(300)}}`, 'E_LIMIT'],
    ['a list', '[]', 'E_UNREADABLE'],
  ])('%s is a problem', (_name, text, code) => {
    const report = extractPackageLock(text, 'package-lock.json', context({}));
    expect(report.problems[0]?.code).toBe(code);
    expect(report.status).not.toBe('read');
  });

  test('the way in is a shortest path from a direct dependency', () => {
    const report = lock({
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { a: '1' } },
        'node_modules/a': { version: '1.0.0', dependencies: { b: '1' } },
        'node_modules/b': { version: '1.0.0', dependencies: { c: '1' } },
        'node_modules/c': { version: '1.0.0', dependencies: { b: '1' } },
      },
    });
    expect(wayIn(report.deps)(report.deps[2] as Dep)).toEqual(['a', 'b', 'c']);
  });
});
