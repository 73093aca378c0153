import { describe, expect, test } from '@jest/globals';
import { credentialsFor, dockerLogins } from '../../src/oci/index.ts';
import type { Exec } from '../../src/runner/index.ts';
import { ended } from '../build-image/inprocess.ts';

const auth = (text: string): string => Buffer.from(text).toString('base64');

function finder(config: object, helper: Exec = async () => ended(1), given = new Map()) {
  const masked: string[] = [];
  const asked: string[] = [];
  const exec: Exec = (file, args, options) => {
    asked.push(`${file} ${args.join(' ')} <${options?.input}`);
    return helper(file, args, options);
  };
  const onLogin = (login: { password: string }): void => void masked.push(login.password);
  const find = credentialsFor({ given, config: JSON.stringify(config), exec, env: {}, onLogin });
  return { find, masked, asked };
}

const answers =
  (value: unknown): Exec =>
  async () =>
    ended(0, JSON.stringify(value));

describe('the login for a host', () => {
  test('inputs win over the config, the config over a helper; each is masked', async () => {
    const helper = answers({ Username: 'h', Secret: 'helped' });
    const config = { auths: { 'b.example': { auth: auth('u:stored') } }, credsStore: 'desktop' };
    const f = finder(config, helper, new Map([['a.example', { username: 'i', password: 'given' }]]));
    expect(await f.find('a.example')).toEqual({ username: 'i', password: 'given' });
    expect(await f.find('b.example')).toEqual({ username: 'u', password: 'stored' });
    expect(await f.find('c.example')).toEqual({ username: 'h', password: 'helped' });
    expect(f.masked).toEqual(['given', 'stored', 'helped']);
    expect(f.asked).toEqual(['docker-credential-desktop get <c.example']);
  });

  test('a helper of the host wins over the store; the hub goes by its old name; each host is asked for once', async () => {
    const f = finder(
      { credsStore: 'desktop', credHelpers: { 'a.example': 'ecr-login' } },
      answers({ Username: 'u', Secret: 's' }),
    );
    await Promise.all([f.find('a.example'), f.find('a.example'), f.find('docker.io')]);
    expect(f.asked).toEqual([
      'docker-credential-ecr-login get <a.example',
      'docker-credential-desktop get <https://index.docker.io/v1/',
    ]);
  });

  test.each<[string, Exec]>([
    ['fails', async () => ended(1, '', 'credentials not found in native keychain')],
    ['is not installed', async () => Promise.reject(new Error('ENOENT'))],
    ['is killed', async () => ended(null)],
    ['says no JSON', async () => ended(0, 'hello')],
    ['says null', answers(null)],
    ['says no secret', answers({ Username: 'u' })],
    ['says an empty secret', answers({ Username: 'u', Secret: '' })],
  ])('a helper that %s has no login', async (_name, helper) => {
    expect(await finder({ credsStore: 'desktop' }, helper).find('a.example')).toBeUndefined();
  });

  test.each(['../evil', 'a b', '', '/bin/sh', 'x;y'])('a helper called %j is not started', async (credsStore) => {
    const f = finder({ credsStore }, answers({ Username: 'u', Secret: 's' }));
    expect(await f.find('a.example')).toBeUndefined();
    expect(f.asked).toEqual([]);
  });

  test('an identity token is one, with or without a name beside it', () => {
    const config = {
      auths: { 'a.example': { auth: auth('00000000:'), identitytoken: 'tok' }, b: null, c: { auth: 5 } },
    };
    expect([...dockerLogins(JSON.stringify(config))]).toEqual([
      ['a.example', { username: '<token>', password: 'tok' }],
    ]);
  });

  test.each(['', 'x', '[]', 'null', '{"auths":null}', '{"auths":[]}', '{"auths":"x"}'])(
    'config %j has no login',
    (text) => {
      expect(dockerLogins(text).size).toBe(0);
    },
  );
});
