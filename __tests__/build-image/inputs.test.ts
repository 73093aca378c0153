/** The grammars of the inputs, and the rules between them. */
import { describe, expect, test } from '@jest/globals';
import {
  parseDigests,
  parseEngineOptions,
  parseSize,
  parseSource,
  parseSsh,
} from '../../src/build-image/input-forms.ts';
import { parseBuildInputs } from '../../src/build-image/inputs.ts';

const D = `sha256:${'a'.repeat(64)}`;
const E = `sha256:${'b'.repeat(64)}`;

const parse = (inputs: Record<string, string>, env: Record<string, string> = {}) =>
  parseBuildInputs({
    ...env,
    ...Object.fromEntries(
      Object.entries({ image: 'ghcr.io/o/app', ...inputs }).map(([k, v]) => [`INPUT_${k.toUpperCase()}`, v]),
    ),
  });

test.each<[Record<string, string>, string]>([
  [{ platforms: 'linux' }, 'platforms'],
  [{ platforms: 'linux/amd64\nlinux/amd64' }, 'platforms'],
  [{ platforms: Array.from({ length: 21 }, (_, i) => `linux/a${i}`).join('\n') }, 'platforms'],
  [{ image: Array.from({ length: 9 }, (_, i) => `ghcr.io/o/a${i}`).join('\n') }, 'image'],
  [{ tags: Array.from({ length: 33 }, (_, i) => `raw:a${i}`).join('\n') }, 'tags'],
  [{ 'build-args': 'NAME' }, 'build-args'],
  [{ 'build-args': 'A=1\nA=2' }, 'build-args'],
  [{ labels: 'build-image.x=1' }, 'labels'],
  [{ username: 'u' }, 'password'],
  [{ reuse: 'only', push: 'false' }, 'reuse'],
  [{ 'reuse-max-age': '1s' }, 'reuse-max-age'],
  [{ timeout: '7h' }, 'timeout'],
  [{ retries: '11' }, 'retries'],
  [{ mode: 'merge', push: 'stage', digests: D }, 'push'],
  [{ mode: 'promote', push: 'stage', source: `ghcr.io/o/app@${D}` }, 'push'],
  [{ digests: D }, 'digests'],
  [{ source: `ghcr.io/o/app@${D}` }, 'source'],
  [{ mode: 'promote', source: 'o/app:1' }, 'source'],
  [{ 'install-buildx': 'v1.2.3' }, 'install-buildx'],
  [{ 'builder-image': 'moby/buildkit' }, 'builder-image'],
  [{ builder: 'a b' }, 'builder'],
  [{ provenance: 'true' }, 'provenance'],
  [{ sbom: 'yes' }, 'sbom'],
  [{ reproducible: 'verify' }, 'reproducible'],
  [{ cache: 'inline' }, 'cache'],
  [{ engine: 'kaniko' }, 'engine'],
  [{ 'engine-options': 'privileged=true' }, 'engine-options'],
  [{ ssh: 'default\ndefault' }, 'ssh'],
  [{ target: 'a b' }, 'target'],
  ...[
    'https://u:p@host',
    'https://host',
    'u:p@host',
    'host/token',
    'host:',
    'host:123456',
    '-host',
    'a b',
    '[::1',
  ].flatMap((host): [Record<string, string>, string][] => [
    [{ 'trusted-realms': `auth.example\n${host}` }, 'trusted-realms'],
    [{ 'insecure-registries': host }, 'insecure-registries'],
  ]),
])('%j is E_INPUT and names %s', (inputs, name) => {
  expect(() => parse(inputs)).toThrow(
    expect.objectContaining({ code: 'E_INPUT', message: expect.stringContaining(name) }),
  );
});

test('T40 hosts that may get a login: by name, address and port; a login in one is never shown', () => {
  const hosts = ['auth.example', 'AUTH.Example:5000', '[::1]:5000', '10.0.0.1', 'localhost:80'];
  expect(parse({ 'trusted-realms': hosts.join('\n') }).trustedRealms).toEqual(hosts.map((h) => h.toLowerCase()));
  expect(parse({ 'insecure-registries': hosts.join('\n') }).insecure).toEqual(hosts);
  try {
    parse({ 'trusted-realms': 'https://robot:pass-word-1@host' });
    throw new Error('it was taken');
  } catch (error) {
    expect(String(error)).toContain('item 1');
    expect(String(error)).not.toContain('pass-word-1');
  }
});

test('the token of the run is for ghcr.io alone, on github.com alone, when nothing else is given for it', () => {
  const token = { 'github-token': 'tok' };
  const com = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_ACTOR: 'me' };
  expect([...parse(token, com).logins]).toEqual([['ghcr.io', { username: 'me', password: 'tok' }]]);
  expect(parse(token, { GITHUB_SERVER_URL: 'https://ghes.example' }).logins.size).toBe(0);
  expect(parse({ ...token, username: 'u', password: 'p' }, com).logins.get('ghcr.io')?.username).toBe('u');
  expect([...parse({ ...token, image: 'r.example/o/app' }, com).logins.keys()]).toEqual(['ghcr.io']);
});

describe('forms', () => {
  test.each([
    ['', undefined],
    ['450MB', 450_000_000],
    ['1GiB', 1_073_741_824],
    ['1.5 KiB', 1536],
    ['10kB', 10_000],
  ])('size %j', (text, value) => expect(parseSize(text)).toEqual({ value }));
  test.each(['450', 'MB', '-1MB', '1TB', '1 000MB', '1,5GB'])('no size: %j', (text) =>
    expect(parseSize(text)).toHaveProperty('problem'),
  );

  test.each<[string, string[]]>([
    ['', []],
    [`${D}\n\n ${E} `, [D, E]],
    [JSON.stringify([D, '']), [D]],
    [JSON.stringify({ amd64: D, arm64: '', riscv64: null }), [D]],
  ])('digests %j', (text, value) => expect(parseDigests(text)).toEqual({ value }));
  test.each(['x', '{', '{"a":1}', '{"a":"tag"}', '["sha256:1"]', `ghcr.io/o/app@${D}`])('no digests: %j', (text) =>
    expect(parseDigests(text)).toHaveProperty('problem'),
  );

  test.each([`ghcr.io/o/app@${D}`, 'ghcr.io/o/app:v1', 'localhost:5000/a:1', `r.example:5000/a:1@${D}`])(
    'source %s',
    (text) => expect(parseSource(text)).toHaveProperty('value.repository'),
  );
  test.each(['ghcr.io/o/app', 'app:1', 'localhost:5000/a', 'ghcr.io/o/app@sha256:1', 'ghcr.io/o/app:'])(
    'no source: %s',
    (text) => expect(parseSource(text)).toHaveProperty('problem'),
  );

  test('engine options are sorted; only some may stand there more than once', () => {
    expect(parseEngineOptions(['network=none', 'add-host=b:2', 'add-host=a:1'])).toEqual({
      value: [
        ['add-host', 'a:1'],
        ['add-host', 'b:2'],
        ['network', 'none'],
      ],
    });
    for (const lines of [['network=a', 'network=b'], ['add-host=a:1', 'add-host=a:1'], ['network'], ['output=x']]) {
      expect(parseEngineOptions(lines)).toHaveProperty('problem');
    }
  });

  test('agents', () => {
    expect(parseSsh('default')).toEqual({ value: { id: 'default', socket: undefined } });
    expect(parseSsh('k=/run/a')).toEqual({ value: { id: 'k', socket: '/run/a' } });
    for (const line of ['', 'a b', '=x', 'k=/a,/b']) expect(parseSsh(line)).toHaveProperty('problem');
  });
});
