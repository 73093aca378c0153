import { expect, test } from '@jest/globals';
import { startRegistry } from '../../lab/registry/server.ts';
import { parseChallenges } from '../../src/oci/challenge.ts';
import { dockerLogins } from '../../src/oci/credentials.ts';
import { checkRealm } from '../../src/oci/realm.ts';
import { client } from './kit.ts';

const users = { u: 'secret-pass' };
const credentials = { username: 'u', password: 'secret-pass' };
const bearer = 'Bearer realm="{realm}",service="{service}",scope="{scope}"';

test('T39 challenges: several in one header, quoted commas and quotes, odd case', () => {
  expect(parseChallenges('Bearer realm="https://a/t?x=1,2",service="s\\"q", Basic realm="plain word"')).toEqual([
    { scheme: 'bearer', params: { realm: 'https://a/t?x=1,2', service: 's"q' } },
    { scheme: 'basic', params: { realm: 'plain word' } },
  ]);
  expect(parseChallenges('bEaReR realm=https')).toMatchObject([{ scheme: 'bearer' }]);
  for (const broken of ['', ',,,', '"', 'Basic realm="x', '=a', 'Bearer ,='])
    expect(() => parseChallenges(broken)).not.toThrow();
});

test.each([
  ['one header', [`${bearer}, Basic realm="x"`]],
  ['two headers', ['Basic realm="not a url"', bearer]],
  ['odd case', [bearer.replace('Bearer', 'bEaReR')]],
  ['realm with query', [bearer.replace('{realm}', '{realm}?a=b')]],
])('T39 %s -> the right challenge is used', async (_name, challenges) => {
  await using lab = await startRegistry({ auth: { kind: 'token', users, challenges } });
  await using c = client(lab.host, { credentials });
  expect(await c.registry.head('app', 't')).toBeUndefined();
});

test.each([
  'http://169.254.169.254/token',
  'https://u:p@127.0.0.1/',
  'https://evil.example/token',
  'https://[::ffff:10.0.0.1]/token',
  'ftp://127.0.0.1/',
  'no url at all',
])('T40 realm %s -> red, no login sent', async (realm) => {
  await using lab = await startRegistry({
    auth: { kind: 'token', users, challenges: [`Bearer realm="${realm}",service="s"`] },
  });
  await using c = client(lab.host, { credentials });
  await expect(c.registry.head('app', 't')).rejects.toMatchObject({ code: realm.includes(':') ? 'E_REALM' : 'E_AUTH' });
  expect(lab.requests().every((r) => r.authorization === '')).toBe(true);
});

test('T40 an inside address is refused for an outside registry, and a redirecting realm always', async () => {
  const outside = new URL('https://registry.example');
  for (const realm of ['https://10.0.0.1/', 'https://127.0.0.1/', 'https://[::ffff:10.0.0.1]/', 'https://[fd00::1]/']) {
    expect(() => checkRealm(realm, outside, { trusted: [], credentials: false })).toThrow(/inside this network/);
  }
  expect(
    checkRealm('https://auth.docker.io/token', new URL('https://registry-1.docker.io'), {
      trusted: [],
      credentials: true,
    }).host,
  ).toBe('auth.docker.io');
  await using lab = await startRegistry({ auth: { kind: 'token', users } });
  lab.faults.add({ operation: 'token', answer: { status: 307, headers: { location: 'http://127.0.0.1:1/' } } });
  await using c = client(lab.host, { credentials });
  await expect(c.registry.head('app', 't')).rejects.toMatchObject({ code: 'E_REALM' });
});

test('logins of a docker config: aliases of the hub, malformed entries left out', () => {
  const auth = Buffer.from('u:p:q').toString('base64');
  const logins = dockerLogins(
    JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth }, 'x:1': {}, 'y:1': { auth: '!' } } }),
  );
  expect([...logins]).toEqual([['docker.io', { username: 'u', password: 'p:q' }]]);
  expect(dockerLogins('not json').size).toBe(0);
});
