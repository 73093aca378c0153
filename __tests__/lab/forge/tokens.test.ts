import { createSign, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startWorld, type World } from './world.ts';

let w: World;
let head: string;
beforeAll(async () => {
  w = await startWorld();
  head = await w.head();
});
afterAll(() => w.close());

const R = '/repos/org/app';
type Say = () => string;

test.each<[string, string, Say, object, Say, number, string]>([
  [
    'a missing permission',
    'POST',
    () => `${R}/statuses/${head}`,
    {},
    () => w.reader,
    403,
    'Resource not accessible by integration',
  ],
  ['nobody writes', 'POST', () => `${R}/check-runs`, {}, () => '', 401, 'Requires authentication'],
  ['a wrong token reads nothing, not even what is public', 'GET', () => R, {}, () => 'wrong', 401, 'Bad credentials'],
  [
    'rulesets are for administrators',
    'POST',
    () => `${R}/rulesets`,
    {},
    () => w.app,
    403,
    'Resource not accessible by integration',
  ],
])('%s', async (_, method, path, body, token, status, message) => {
  const reply = await w.call(method, path(), token(), method === 'GET' ? undefined : body);
  expect([reply.status, reply.json.message]).toEqual([status, message]);
});
test('the primary rate limit, over REST and GraphQL', async () => {
  const token = w.forge.createToken({ permissions: { contents: 'read' }, rateLimit: 2 });
  const last = [await w.call('GET', R, token), await w.call('GET', R, token), await w.call('GET', R, token)];
  expect(last.map((reply) => [reply.status, reply.headers.get('x-ratelimit-remaining')])).toEqual([
    [200, '1'],
    [200, '0'],
    [403, '0'],
  ]);
  expect((await w.graphql('{ viewer { login } }', {}, token)).errors?.[0]?.type).toBe('RATE_LIMITED');
});
test('an App buys tokens for the repositories it is installed on, with no more than its permissions', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  w.forge.registerApp({
    id: '42',
    key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    permissions: { contents: 'write', metadata: 'read' },
    repositories: ['org/app'],
  });
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = (claims: object = {}, key = privateKey, alg = 'RS256'): string => {
    const text = `${part({ alg })}.${part({ iss: '42', iat: now - 60, exp: now + 60, ...claims })}`;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`;
  };
  const { json } = await w.call('GET', `${R}/installation`, jwt());
  expect(json).toMatchObject({ app_id: 42, app_slug: 'delivery-app', account: { login: 'org' } });
  expect((await w.call('GET', '/users/org/installation', jwt())).json.id).toBe(json.id);
  expect((await w.call('GET', '/repos/org/secret/installation', jwt())).status).toBe(404);
  const wrong = [
    jwt({ iss: '43' }),
    jwt({}, stranger.privateKey),
    jwt({}, privateKey, 'none'),
    jwt({ exp: now - 1 }),
    jwt({ exp: now + 3600 }),
    jwt({ iat: now + 60 }),
    'nonsense',
    w.user,
  ];
  for (const bad of wrong) expect((await w.call('GET', '/app', bad)).status).toBe(401);
  const buy = (body: object) => w.call('POST', `/app/installations/${json.id}/access_tokens`, jwt(), body);
  const bought = await buy({ repositories: ['app'], permissions: { contents: 'read' } });
  const token = String(bought.json.token);
  expect([bought.status, Date.parse(String(bought.json.expires_at)) > Date.now()]).toEqual([201, true]);
  expect((await w.call('GET', '/installation/repositories', token)).json).toMatchObject({ total_count: 1 });
  expect((await w.commit(head, 'x', { token })).errors?.[0]?.type).toBe('FORBIDDEN');
  expect((await buy({ repositories: ['secret'] })).status).toBe(422);
  expect((await buy({ permissions: { administration: 'write' } })).status).toBe(422);
  expect((await w.call('DELETE', '/installation/token', token)).status).toBe(204);
  expect((await w.call('GET', '/installation/repositories', token)).status).toBe(401);
});
