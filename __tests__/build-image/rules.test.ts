import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide, type Found, nextTagAction } from '../../src/build-image/decide.ts';
import { pinBases, readDockerfile } from '../../src/build-image/dockerfile.ts';
import { classifyEngine } from '../../src/build-image/engines/classify.ts';
import { pushedDigest } from '../../src/build-image/engines/docker.ts';
import { readEvent } from '../../src/build-image/event.ts';
import { compileIgnore } from '../../src/build-image/ignore.ts';
import { findSecretArg } from '../../src/build-image/secret-guard.ts';
import { planSecrets } from '../../src/build-image/secrets.ts';
import { toTag } from '../../src/build-image/tag-name.ts';
import { planTags } from '../../src/build-image/tags.ts';
import { isTag, parseImage, sha256 } from '../../src/oci/index.ts';

const digest = sha256('x');

describe('tags', () => {
  test('T19 odd branch names give valid, distinct tags', () => {
    const names = ['b'.repeat(200), `${'b'.repeat(200)}2`, '-.weird', '..', 'ü', 'a/b', 'a-b', toTag('a/b'), ''];
    const tags = names.map(toTag);
    expect(tags.every(isTag)).toBe(true);
    expect(new Set(tags).size).toBe(names.length);
    expect(toTag('feature/login')).toBe('feature-login-df7c7aeb3560');
  });

  test('any text gives a valid tag, and two texts two tags', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => isTag(toTag(s))));
    const text = fc.stringMatching(/^[a-c/.-]{0,4}$/);
    fc.assert(fc.property(text, text, (a, b) => a === b || toTag(a) !== toTag(b)));
  });

  const facts = (ref: string) => ({
    event: readEvent({ GITHUB_REF: ref, GITHUB_EVENT_NAME: 'push' }, { repository: { default_branch: 'main' } }),
    revision: 'a'.repeat(40),
    commitTime: 1_700_000_000,
    key: 'f'.repeat(64),
  });
  test('T20 raw tags are trimmed; T21 + becomes _, no major tag for 0.x', () => {
    expect(planTags(['raw:v1 '], facts(''), 'auto')).toEqual([{ tag: 'v1', rule: 'raw:v1 ', immutable: false }]);
    expect(planTags(['semver'], facts('refs/tags/v1.2.3+b'), 'auto')[0]?.tag).toBe('1.2.3_b');
    expect(planTags(['semver', 'semver-major'], facts('refs/tags/v0.3.0'), 'auto').map((t) => t.tag)).toEqual([
      '0.3.0',
    ]);
  });

  test('all rules at once', () => {
    const rules = ['sha', 'sha-full', 'content', 'time', 'branch', 'latest', 'semver', 'pr'];
    expect(planTags(rules, facts('refs/heads/main'), 'auto').map((t) => [t.tag, t.immutable])).toEqual([
      ['sha-aaaaaaaaaaaa', true],
      ['a'.repeat(40), true],
      [`c-${'f'.repeat(16)}`, true],
      ['20231114221320-aaaaaaaaaaaa', true],
      ['main', false],
      ['latest', false],
    ]);
    expect(planTags(['branch'], facts('refs/heads/main'), ['ma*'])[0]?.immutable).toBe(true);
  });
});

describe('Dockerfile', () => {
  const linux = { platforms: ['linux/amd64'], native: 'linux/amd64' };
  const read = (text: string, args: [string, string][] = []) =>
    readDockerfile(Buffer.from(text), { file: 'Dockerfile', args, ...linux, target: '', contexts: [] });
  const names = (text: string) =>
    read(text).bases.map((b) => b.ref && `${b.ref.host}/${b.ref.repository}:${b.ref.tag}`);
  const pin = (text: string) => {
    const file = read(text);
    return pinBases(file, new Map(file.bases.map((_, i) => [i, digest]))).toString();
  };

  test('T13 stage names, heredocs and comments are no references; a variable is expanded', () => {
    const text =
      'ARG V\n# FROM nope\nFROM --platform=$BUILDPLATFORM python:${V:-3.11}-slim AS base\nRUN <<EOF\nFROM nope:1\nEOF\nFROM base\nCOPY --from=base /a /b\nCOPY --from=0 /a /c\n';
    expect(names(text)).toEqual(['docker.io/library/python:3.11-slim']);
  });

  test('T14 escape directive and a FROM over lines: only the token changes', () => {
    const text = '# escape=`\nFROM `\n  alpine:3 `\n  AS x\nCOPY a /\n';
    expect(pin(text)).toBe(`# escape=\`\nFROM \`\n  docker.io/library/alpine@${digest} \`\n  AS x\nCOPY a /\n`);
  });

  test('T15 a bind mount is pinned inside its flag', () => {
    expect(pin('FROM scratch\nRUN --mount=type=bind,from=img:1,target=/x ls\n')).toBe(
      `FROM scratch\nRUN --mount=type=bind,from=docker.io/library/img@${digest},target=/x ls\n`,
    );
  });

  test('no FROM is E_DOCKERFILE', () => {
    expect(() => read('RUN x\n')).toThrow(expect.objectContaining({ code: 'E_DOCKERFILE' }));
  });
});

test('T18 ignore patterns', () => {
  const excluded = (text: string, path: string) => compileIgnore(text).excludes(path);
  expect(excluded('*.md\n!README.md', 'a.md')).toBe(true);
  expect(excluded('*.md\n!README.md', 'README.md')).toBe(false);
  expect(excluded('*.md', 'sub/a.md')).toBe(false);
  expect(excluded('**/x', 'x') && excluded('**/x', 'a/b/x')).toBe(true);
  expect(excluded('a/**/b', 'a/b') && excluded('a/**/b', 'a/c/d/b')).toBe(true);
  expect(excluded('#x\n #x', '#x')).toBe(true);
  expect(excluded('#x', '#x')).toBe(false);
  expect(excluded('/abs', 'abs') && excluded('a/', 'a/b')).toBe(true);
  expect(excluded('[!a]', '!') && excluded('[!a]', 'a') && !excluded('[!a]', 'b')).toBe(true);
  expect(excluded('[^a]', 'b') && !excluded('[^a]', 'a')).toBe(true);
  expect(excluded('*\n!k', 'k/deep/file')).toBe(false);
  expect(() => compileIgnore('a\n!')).toThrow(expect.objectContaining({ code: 'E_IGNORE_PATTERN' }));
  expect(() => compileIgnore('[a')).toThrow(expect.objectContaining({ code: 'E_IGNORE_PATTERN' }));
});

test('the decision table', () => {
  const found = (relation: Found['relation'], of = digest) => ({ digest: of, relation, tag: 'v1' });
  const of = (
    staging: Found | undefined,
    immutable: (Found & { tag: string })[],
    reuse: 'auto' | 'off' | 'only' = 'auto',
  ) => decide({ staging, immutable }, reuse).do;
  expect(of(undefined, [])).toBe('build');
  expect(of(undefined, [], 'only')).toBe('not-built');
  expect(of(found('ours'), [])).toBe('reuse');
  expect(of(found('foreign'), [])).toBe('build');
  expect(of(found('ours'), [found('foreign')], 'off')).toBe('conflict');
  expect(of(undefined, [found('same-source')])).toBe('reuse');
  expect(of(undefined, [found('ours'), found('ours', sha256('y'))])).toBe('conflict');
  expect(of(found('ours'), [found('ours')], 'off')).toBe('build');
  expect(nextTagAction(found('foreign'), true, sha256('y'))).toBe('conflict');
  expect(nextTagAction(found('ours'), true, sha256('y'))).toBe('adopt');
  expect(nextTagAction(found('foreign'), false, sha256('y'))).toBe('put');
});

test('engine results: a killed child is never success, words of a RUN step are no registry fault', () => {
  const result = (code: number | null, stderrTail: string) => {
    const empty = Buffer.alloc(0);
    return {
      code,
      signal: null,
      stdout: empty,
      stderr: empty,
      stdoutTail: '',
      stderrTail,
      truncated: false,
      timedOut: false,
    };
  };
  const hosts = ['reg.example'];
  expect(classifyEngine(result(null, ''), hosts, 'build')).toBe('killed');
  expect(classifyEngine(result(1, ''), hosts, 'build')).toBe('build');
  expect(classifyEngine(result(1, 'curl: error 503 timeout'), hosts, 'build')).toBe('build');
  expect(classifyEngine(result(1, 'Error: pushing to https://reg.example/v2/: received 503'), hosts, 'build')).toBe(
    'transient',
  );
  // The daemon does not name the host. Nothing of the Dockerfile runs in a push, so all that it complains of is the registry's.
  const pushed = (stderr: string) => classifyEngine(result(1, stderr), hosts, 'push');
  expect(pushed('received unexpected HTTP status: 503 Service Unavailable')).toBe('transient');
  expect(pushed('net/http: TLS handshake timeout')).toBe('transient');
  expect(pushed('denied: permission_denied: write_package')).toBe('auth');
  expect(pushed('unauthorized: authentication required')).toBe('auth');
  expect(pushed('tag v1 is immutable')).toBe('tag-exists');
  expect(pushed('manifest invalid: manifest invalid')).toBe('build');
  expect(classifyEngine({ ...result(1, 'invalid'), stdoutTail: 'abc: Pushing 503 kB' }, hosts, 'push')).toBe('build');
  for (const text of ['denied: x', 'unauthorized: authentication required', 'HTTP status: 503']) {
    expect(classifyEngine(result(1, text), hosts, 'build')).toBe('build');
  }
  expect(classifyEngine(result(1, 'write /x: no space left on device'), hosts, 'build')).toBe('disk');
  expect(pushedDigest(`abc: digest: ${digest} size: 12\n`, 'reg.example/a:abc')).toBe(digest);
  expect(pushedDigest(`other: digest: ${digest} size: 12\n`, 'reg.example/a:abc')).toBeUndefined();
});

test('secrets: T48 line breaks through JSON, IDs unique; the guard finds names and values', () => {
  expect(planSecrets({ values: [['k', 'a\nb\n']], envs: [], files: [] }, {})[0]).toEqual({ id: 'k', value: 'a\nb\n' });
  expect(() => planSecrets({ values: [['k', 'a']], envs: [], files: [['k', 'f']] }, {})).toThrow(/twice/);
  expect(() => planSecrets({ values: [], envs: [['k', 'NONE']], files: [] }, {})).toThrow(/not set/);
  expect(findSecretArg([['VERSION', '1']], [], ['hunter22'], [])).toBeUndefined();
  expect(findSecretArg([['X', 'is hunter22']], [], ['hunter22'], [])?.name).toBe('X');
  expect(findSecretArg([['MY_API_KEY', '1']], [], [], ['MY_API_KEY'])).toBeUndefined();
});

test('T54 hosts of loopback are hosts', () => {
  expect(parseImage('[::1]:5000/a')).toMatchObject({ image: { host: '[::1]:5000', repository: 'a' } });
  expect(parseImage('localhost:5000/a')).toMatchObject({ image: { host: 'localhost:5000' } });
  expect(parseImage('docker.io/alpine')).toMatchObject({ image: { repository: 'library/alpine' } });
});
