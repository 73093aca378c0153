import { afterAll, describe, expect, test } from '@jest/globals';
import { type ApplicationName, openArgoCd } from '../../src/argocd/index.ts';
import { openHttp } from '../../src/http/index.ts';
import { ActionError, Deadline, fakeClock, systemClock } from '../../src/runner/index.ts';
import { applicationJson, type FakeArgoCd, type Respond, sendJson, startArgoCd } from './support.ts';

const TOKEN = 'marked-secret-token';
const http = openHttp();
afterAll(() => http.close());

const WEB: ApplicationName = { name: 'web', namespace: '', project: '' };

async function ask(respond: Respond, name = WEB, options = { refresh: true, path: '', seconds: 60 }) {
  const server = await startArgoCd(respond);
  const clock = fakeClock();
  using deadline = new Deadline(options.seconds, clock);
  const argo = openArgoCd(new URL(options.path, server.url), TOKEN, { http, clock, random: () => 0.5 });
  try {
    const answer = await argo.application(name, options, deadline).catch((error: unknown) => error);
    return { answer, server, clock };
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

const urls = (server: FakeArgoCd): string[] => server.asked.map(({ method, url }) => `${method} ${url}`);

describe('the request', () => {
  const ok: Respond = (_req, res) => sendJson(res, 200, applicationJson());
  test('a refresh is one GET with the token in a header', async () => {
    const { server, answer } = await ask(ok);
    expect(server.asked).toEqual([
      { method: 'GET', url: '/api/v1/applications/web?refresh=normal', authorization: `Bearer ${TOKEN}` },
    ]);
    expect(answer).toMatchObject({ kind: 'application', state: { sync: 'Synced' } });
  });
  test('names the namespace and the project, and keeps the root path of the server', async () => {
    const { server } = await ask(
      ok,
      { name: 'web', namespace: 'team-a', project: 'shop' },
      { refresh: false, path: '/argo/cd/', seconds: 60 },
    );
    expect(urls(server)).toEqual(['GET /argo/cd/api/v1/applications/web?appNamespace=team-a&project=shop']);
  });
});

describe('answers', () => {
  const error = async (respond: Respond): Promise<ActionError> => {
    const { answer } = await ask(respond);
    if (!(answer instanceof ActionError)) throw new Error(`no ActionError: ${JSON.stringify(answer)}`);
    return answer;
  };
  test('403 may be a missing application too: the message says so, and names the right', async () => {
    const refused = await error((_req, res) => sendJson(res, 403, { code: 7, message: 'permission denied' }));
    expect(refused.code).toBe('E_PERMISSION_MISSING');
    expect(refused.message).toContain('or there is no such application');
    expect(refused.message).toContain('applications, get, <project>/web, allow');
  });
  test('401 is the token', async () => {
    const refused = await error((_req, res) => sendJson(res, 401, { message: 'no session information' }));
    expect(refused.code).toBe('E_PERMISSION_MISSING');
    expect(refused.message).toContain('Make a new token');
  });
  test('404 is a name or a path', async () => {
    expect((await error((_req, res) => sendJson(res, 404, { message: 'not found' }))).code).toBe('E_ARGOCD_MISSING');
  });
  test('a redirect is not followed: the other server hears nothing', async () => {
    await using other = await startArgoCd((_req, res) => sendJson(res, 200, applicationJson()));
    const refused = await error((_req, res) => res.writeHead(307, { location: `${other.url.href}login` }).end());
    expect(refused.code).toBe('E_REDIRECT');
    expect(refused.message).toContain(other.url.host);
    expect(other.asked).toEqual([]);
  });
  test('HTML is a login page or another server', async () => {
    const refused = await error((_req, res) =>
      res.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in'),
    );
    expect(refused.code).toBe('E_ARGOCD_UNREADABLE');
    expect(refused.message).toContain('text/html in place of JSON');
  });
  test('JSON that is no Application', async () => {
    expect((await error((_req, res) => sendJson(res, 200, { items: [] }))).message).toContain('no Application');
  });
  test.each([401, 403, 404, 418])('the token in the text of a %d is hidden', async (status) => {
    const refused = await error((_req, res) =>
      sendJson(res, status, { message: `bad header Bearer ${TOKEN}\n::error::x` }),
    );
    expect(refused.message).not.toContain(TOKEN);
    expect(refused.message).toContain('Bearer *** ::error::x');
  });
  test('the token in a redirect is hidden', async () => {
    const refused = await error((_req, res) => res.writeHead(302, { location: `/x?t=${TOKEN}` }).end());
    expect(refused.message).toContain('/x?t=***');
  });
});

describe('trouble', () => {
  test('5xx is asked again, and is well at last', async () => {
    const { answer, server } = await ask((_req, res, n) =>
      n < 3 ? sendJson(res, 502, {}) : sendJson(res, 200, applicationJson()),
    );
    expect(server.asked).toHaveLength(3);
    expect(answer).toMatchObject({ kind: 'application' });
  });
  test('a connection that is closed each time is unavailable after four tries', async () => {
    const { answer, server } = await ask((req) => req.socket.destroy());
    expect(server.asked).toHaveLength(4);
    expect(answer).toMatchObject({ kind: 'unavailable' });
  });
  test('5xx that stays is unavailable, in the words of the server, the token hidden', async () => {
    const { answer } = await ask((_req, res) => sendJson(res, 500, { error: `boom ${TOKEN}` }));
    expect(answer).toEqual({ kind: 'unavailable', why: expect.stringMatching(/ answered 500: boom \*\*\*$/) });
  });
  test('waits as told', async () => {
    const { clock } = await ask((_req, res, n) =>
      n === 1 ? res.writeHead(429, { 'retry-after': '7' }).end() : sendJson(res, 200, applicationJson()),
    );
    expect(clock.slept).toEqual([7]);
  });
  test('an answer that never comes ends with the deadline', async () => {
    const server = await startArgoCd(() => {});
    using deadline = new Deadline(0.3, systemClock);
    const argo = openArgoCd(server.url, TOKEN, { http, clock: systemClock, random: () => 0 });
    await expect(argo.application(WEB, { refresh: true }, deadline)).rejects.toMatchObject({ code: 'E_TIMEOUT' });
    await server[Symbol.asyncDispose]();
  });
});
