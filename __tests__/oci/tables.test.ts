/** What the client takes and what it refuses, case by case. */
import { describe, expect, test } from '@jest/globals';
import { parseChallenges } from '../../src/oci/challenge.ts';
import { isDigest } from '../../src/oci/digest.ts';
import { isTag, MEDIA_TYPES, parseDigest, parseImage, parseRef, platformName } from '../../src/oci/index.ts';
import { parseConfig, parseManifest } from '../../src/oci/manifest.ts';
import { checkRealm } from '../../src/oci/realm.ts';

const D = `sha256:${'a'.repeat(64)}`;

describe('image names', () => {
  test.each([
    ['ghcr.io/o/app', 'ghcr.io', 'o/app'],
    ['ghcr.io/O/App', 'ghcr.io', 'o/app'],
    ['GHCR.io/o/app', 'ghcr.io', 'o/app'],
    ['docker.io/alpine', 'docker.io', 'library/alpine'],
    ['docker.io/o/app', 'docker.io', 'o/app'],
    ['index.docker.io/o/app', 'docker.io', 'o/app'],
    ['registry-1.docker.io/o/app', 'docker.io', 'o/app'],
    ['localhost/app', 'localhost', 'app'],
    ['localhost:5000/app', 'localhost:5000', 'app'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000', 'a/b/c'],
    ['[::1]:5000/app', '[::1]:5000', 'app'],
    ['r.example/a__b/c.d/e-f', 'r.example', 'a__b/c.d/e-f'],
    ['r.example/a--b', 'r.example', 'a--b'],
    ['registry:5000/app', 'registry:5000', 'app'],
  ])('%s is taken', (text, host, repository) => {
    expect(parseImage(text)).toMatchObject({ image: { host, repository } });
  });

  test.each([
    '',
    'app',
    'o/app',
    '/app',
    'ghcr.io',
    'ghcr.io/',
    'ghcr.io/o/app:1',
    `ghcr.io/o/app@${D}`,
    'ghcr.io//app',
    'ghcr.io/o/app/',
    'ghcr.io/-app',
    'ghcr.io/app-',
    'ghcr.io/a..b',
    'ghcr.io/a___b',
    'ghcr.io/o/äpp',
    'ghcr.io/o/a pp',
    'https://ghcr.io/o/app',
    'u:p@ghcr.io/o/app',
    'ghcr.io:port/app',
    'ghcr.io:123456/app',
    '-ghcr.io/app',
    '[::1/app',
    `ghcr.io/${'a'.repeat(256)}`,
    'ghcr.io/o/../app',
    'ghcr.io/o/app?x=1',
    'ghcr.io/o/app#x',
    'ghcr.io\\o/app',
    'ghcr.io/o/app\nghcr.io/o/b',
  ])('%j is refused', (text) => {
    expect(parseImage(text)).toHaveProperty('problem');
  });
});

describe('references', () => {
  test.each<[string, object]>([
    ['alpine', { host: 'docker.io', repository: 'library/alpine', tag: 'latest' }],
    ['alpine:3', { host: 'docker.io', repository: 'library/alpine', tag: '3' }],
    ['o/app', { host: 'docker.io', repository: 'o/app', tag: 'latest' }],
    ['localhost:5000/a:1', { host: 'localhost:5000', repository: 'a', tag: '1' }],
    [`ghcr.io/o/app@${D}`, { host: 'ghcr.io', repository: 'o/app', digest: D }],
    [`ghcr.io/o/app:1@${D}`, { host: 'ghcr.io', repository: 'o/app', tag: '1', digest: D }],
  ])('%s is read', (text, wanted) => {
    expect(parseRef(text)).toEqual(wanted);
  });
  test.each(['', ':1', 'a@sha256:1', 'a@md5:x', `a@${D}@${D}`, 'a:', 'A/b', 'a:-x', 'a b', 'ghcr.io/', 'a:1:2'])(
    '%j is malformed',
    (text) => {
      expect(parseRef(text)).toBeUndefined();
    },
  );
  test.each(['a', '_a', 'A.b-c_d', '1', 'a'.repeat(128)])('tag %s', (tag) => expect(isTag(tag)).toBe(true));
  test.each(['', '.a', '-a', 'a'.repeat(129), 'a/b', 'a:b', 'a b', 'ä', 'a\n'])('no tag: %j', (tag) =>
    expect(isTag(tag)).toBe(false),
  );
  test.each([
    'sha256:',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'g'.repeat(64)}`,
    `${D}\n${D}`,
  ])('no digest: %j', (text) => {
    expect(isDigest(text) || parseDigest(text) !== undefined).toBe(false);
  });
});

describe('T39 challenges', () => {
  const bearer = (params: Record<string, string>) => ({ scheme: 'bearer', params });
  test.each<[string, object[]]>([
    ['Bearer realm="https://a/t"', [bearer({ realm: 'https://a/t' })]],
    ['bearer realm="https://a/t"', [bearer({ realm: 'https://a/t' })]],
    ['BEARER   realm = "https://a/t"', [bearer({ realm: 'https://a/t' })]],
    ['Bearer realm=https', [bearer({ realm: 'https' })]],
    ['Bearer REALM="x",Service="y"', [bearer({ realm: 'x', service: 'y' })]],
    ['Bearer realm="x" , service="y"', [bearer({ realm: 'x', service: 'y' })]],
    ['Bearer realm="a,b",scope="r:x:pull,push"', [bearer({ realm: 'a,b', scope: 'r:x:pull,push' })]],
    ['Bearer realm="a\\"b"', [bearer({ realm: 'a"b' })]],
    ['Basic realm="x", Bearer realm="y"', [{ scheme: 'basic', params: { realm: 'x' } }, bearer({ realm: 'y' })]],
    ['Basic, Bearer realm="y"', [{ scheme: 'basic', params: {} }, bearer({ realm: 'y' })]],
    [
      'Negotiate, Basic realm="x"',
      [
        { scheme: 'negotiate', params: {} },
        { scheme: 'basic', params: { realm: 'x' } },
      ],
    ],
    ['Bearer realm="x",realm="y"', [bearer({ realm: 'y' })]],
    ['Bearer realm="open', [bearer({ realm: 'open' })]],
    ['', []],
    [' , ,', []],
  ])('%s', (header, wanted) => {
    expect(parseChallenges(header)).toEqual(wanted);
  });
});

describe('T40 where a login may go', () => {
  const realm = (text: string, registry: string, credentials = true, trusted: string[] = []) =>
    checkRealm(text, new URL(registry), { trusted, credentials });

  test.each([
    ['https://r.example/token', 'https://r.example'],
    ['https://r.example:444/token', 'https://r.example:444'],
    ['https://auth.docker.io/token', 'https://registry-1.docker.io'],
    ['https://gitlab.com/jwt/auth', 'https://registry.gitlab.com'],
    ['https://eu.gcr.io/v2/token', 'https://eu.gcr.io'],
    ['https://gcr.io/v2/token', 'https://eu.gcr.io'],
    ['https://europe-docker.pkg.dev/v2/token', 'https://europe-docker.pkg.dev'],
    ['https://o.azurecr.io/oauth2/token', 'https://o.azurecr.io'],
    ['http://127.0.0.1:5001/token', 'http://127.0.0.1:5001'],
  ])('%s for %s', (text, registry) => {
    expect(realm(text, registry).href).toBe(text);
  });

  test('a listed host, and any public one without a login', () => {
    expect(realm('https://sso.example/t', 'https://r.example', true, ['sso.example']).host).toBe('sso.example');
    expect(realm('https://elsewhere.example/t', 'https://r.example', false).host).toBe('elsewhere.example');
  });

  test.each([
    ['https://evil.example/token', 'https://r.example'],
    ['https://r.example.evil.example/token', 'https://r.example'],
    ['https://evil.example/r.example', 'https://r.example'],
    ['https://r.example:444/token', 'https://r.example'],
    ['https://r.example@evil.example/', 'https://r.example'],
    ['https://u:p@r.example/token', 'https://r.example'],
    ['https://u@r.example/token', 'https://r.example'],
    ['http://r.example/token', 'https://r.example'],
    ['ftp://r.example/token', 'https://r.example'],
    ['file:///etc/passwd', 'https://r.example'],
    ['javascript:alert(1)', 'https://r.example'],
    ['//r.example/token', 'https://r.example'],
    ['', 'https://r.example'],
    ['r.example/token', 'https://r.example'],
    ['https://', 'https://r.example'],
    ['https://auth.docker.io/token', 'https://r.example'],
    ['https://auth.docker.io.evil.example/token', 'https://registry-1.docker.io'],
    ['https://xauth.docker.io/token', 'https://registry-1.docker.io'],
    ['https://gitlab.com.evil.example/', 'https://registry.gitlab.com'],
    ['https://evilgcr.io/token', 'https://gcr.io'],
    ['https://evil-azurecr.io/token', 'https://o.azurecr.io'],
    ['https://sso.example/t', 'https://evil.example'],
  ])('%s is refused for %s', (text, registry) => {
    expect(() => realm(text, registry)).toThrow(expect.objectContaining({ code: 'E_REALM' }));
  });

  test.each([
    'https://169.254.169.254/latest',
    'https://[::ffff:169.254.169.254]/',
    'https://0.0.0.0/',
    'https://[::]/',
    'https://224.0.0.1/',
    'https://[fe80::1]/',
    'https://[ff02::1]/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://localhost/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[fd00::1]/',
    'https://[fc00::1]/',
    'https://[fd00:ec2::254]/',
  ])('%s is refused for an outside registry, also without a login', (text) => {
    for (const credentials of [true, false]) {
      expect(() => realm(text, 'https://r.example', credentials)).toThrow(expect.objectContaining({ code: 'E_REALM' }));
    }
  });

  test.each(['https://172.32.0.1/', 'https://11.0.0.1/', 'https://100.128.0.1/'])('%s is outside', (text) => {
    expect(realm(text, 'https://r.example', false).href).toBe(text);
  });
});

describe('manifests', () => {
  const descriptor = { mediaType: 'application/octet-stream', digest: D, size: 1 };
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config: descriptor, layers: [descriptor] };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [descriptor] };
  const parse = (value: unknown, type: string) =>
    parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), type, 'x');

  test.each<[string, unknown, string]>([
    ['an OCI manifest', manifest, MEDIA_TYPES.ociManifest],
    ['with a charset', manifest, `${MEDIA_TYPES.ociManifest}; charset=utf-8`],
    ['without a type inside', { ...manifest, mediaType: undefined }, MEDIA_TYPES.ociManifest],
    ['of docker', { ...manifest, mediaType: MEDIA_TYPES.dockerManifest }, MEDIA_TYPES.dockerManifest],
    ['an index', index, MEDIA_TYPES.ociIndex],
    ['a list of docker', { ...index, mediaType: MEDIA_TYPES.dockerList }, MEDIA_TYPES.dockerList],
    ['no layers', { ...manifest, layers: [] }, MEDIA_TYPES.ociManifest],
    ['256 layers', { ...manifest, layers: Array(256).fill(descriptor) }, MEDIA_TYPES.ociManifest],
    ['a blob of zero bytes', { ...manifest, layers: [{ ...descriptor, size: 0 }] }, MEDIA_TYPES.ociManifest],
    ['unknown fields', { ...manifest, subject: descriptor, x: 1 }, MEDIA_TYPES.ociManifest],
  ])('%s is taken', (_name, value, type) => {
    expect(parse(value, type).mediaType).toBe(type.split(';')[0]);
  });

  test.each<[string, unknown, string]>([
    ['no JSON', '{', MEDIA_TYPES.ociManifest],
    ['an array', [], MEDIA_TYPES.ociManifest],
    ['null', 'null', MEDIA_TYPES.ociManifest],
    ['a page', '<html>', 'text/html'],
    ['no type', manifest, ''],
    ['schema 1', { schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    ['schema 1 under a new type', { schemaVersion: 1 }, MEDIA_TYPES.dockerManifest],
    ['another type inside', manifest, MEDIA_TYPES.dockerManifest],
    ['an index as a manifest', index, MEDIA_TYPES.ociManifest],
    ['a manifest as an index', { ...manifest, mediaType: undefined }, MEDIA_TYPES.ociIndex],
    ['a broken digest', { ...manifest, config: { ...descriptor, digest: 'sha256:1' } }, MEDIA_TYPES.ociManifest],
    [
      'another hash',
      { ...manifest, config: { ...descriptor, digest: `md5:${'a'.repeat(32)}` } },
      MEDIA_TYPES.ociManifest,
    ],
    ['a path as digest', { ...manifest, layers: [{ ...descriptor, digest: '../../x' }] }, MEDIA_TYPES.ociManifest],
    ['a negative size', { ...manifest, layers: [{ ...descriptor, size: -1 }] }, MEDIA_TYPES.ociManifest],
    ['half a byte', { ...manifest, layers: [{ ...descriptor, size: 0.5 }] }, MEDIA_TYPES.ociManifest],
    ['a size in words', { ...manifest, layers: [{ ...descriptor, size: '1' }] }, MEDIA_TYPES.ociManifest],
    ['257 layers', { ...manifest, layers: Array(257).fill(descriptor) }, MEDIA_TYPES.ociManifest],
    ['257 children', { ...index, manifests: Array(257).fill(descriptor) }, MEDIA_TYPES.ociIndex],
    ['no config', { ...manifest, config: undefined }, MEDIA_TYPES.ociManifest],
  ])('%s is refused', (_name, value, type) => {
    expect(() => parse(value, type)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL' }));
  });

  test.each(['', '{}', 'null', '[]', '{"os":1,"architecture":"a"}', '{"os":"linux"}'])(
    'config %j is refused',
    (text) => {
      expect(() => parseConfig(Buffer.from(text), 'x')).toThrow(expect.objectContaining({ code: 'E_PROTOCOL' }));
    },
  );
  test('platforms have names', () => {
    expect(platformName({ os: 'linux', architecture: 'arm', variant: 'v7' })).toBe('linux/arm/v7');
    expect(platformName({ os: 'linux', architecture: 'amd64', variant: '' })).toBe('linux/amd64');
  });
});
