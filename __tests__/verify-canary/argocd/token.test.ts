/** The job's own OIDC token, exchanged for one of Argo CD. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from '@jest/globals';
import { openHttp } from '../../../src/http/index.ts';
import { Deadline, fakeClock } from '../../../src/runner/index.ts';
import { exchangeToken } from '../../../src/verify-canary/argocd/token.ts';
import { ARGO_INPUTS, Town } from '../support/argocd.ts';
import { rules, watch } from '../support/world.ts';

const http = openHttp();
afterAll(() => http.close());

interface Asked {
  request: string;
  authorization: string | undefined;
  form: Record<string, string>;
}

type Answer = { status?: number; body: string; headers?: Record<string, string> };

async function exchange(dex: Answer, runner: Answer = { body: '{"value":"job-jwt"}' }) {
  const asked: Asked[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (part) => {
      body += String(part);
    });
    req.on('end', () => {
      const form = Object.fromEntries(new URLSearchParams(body));
      asked.push({ request: `${req.method} ${req.url}`, authorization: req.headers.authorization, form });
      const answer = req.method === 'GET' ? runner : dex;
      res.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const masked: string[] = [];
  const clock = fakeClock();
  using deadline = new Deadline(60, clock);
  try {
    const oidc = { url: new URL(`${base}/token?id=1`), token: 'request-token' };
    const ports = { http, clock, random: () => 0.5, mask: (secret: string) => void masked.push(secret) };
    const result = await exchangeToken(new URL(`${base}/argo/`), oidc, ports, deadline).catch(
      (error: unknown) => error,
    );
    return { result, asked, masked };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('asks the runner for its token, and Dex for one of Argo CD; both are masked at once', async () => {
  const { result, asked, masked } = await exchange({ body: '{"access_token":"argo-token"}' });
  expect([result, masked]).toEqual(['argo-token', ['job-jwt', 'argo-token']]);
  expect(asked).toEqual([
    { request: 'GET /token?id=1', authorization: 'Bearer request-token', form: {} },
    {
      request: 'POST /argo/api/dex/token',
      authorization: `Basic ${Buffer.from('argo-cd-cli:').toString('base64')}`,
      form: {
        connector_id: 'github-actions',
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        scope: 'openid email profile federated:id',
        subject_token: 'job-jwt',
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      },
    },
  ]);
});

test.each<[string, Answer, Answer | undefined, string]>([
  [
    'Dex knows no such connector',
    { status: 400, body: '{"error":"invalid_request","error_description":"no connector"}' },
    undefined,
    'no connector',
  ],
  ['Dex does not take it', { status: 401, body: 'no' }, undefined, 'it answered 401'],
  ['Dex repeats what it was given', { status: 400, body: '{"error":"bad token job-jwt"}' }, undefined, 'bad token ***'],
  ['a login page', { body: '<html>' }, undefined, 'it answered 200'],
  ['a redirect', { status: 302, body: '', headers: { location: 'https://x.example/' } }, undefined, 'it answered 302'],
  ['the runner gives none', { body: '' }, { status: 403, body: '' }, 'the runner answered 403'],
])('%s: the words say what to set up', async (_name, dex, runner, said) => {
  const { result } = await exchange(dex, runner);
  expect(result).toMatchObject({ code: 'E_PERMISSION_MISSING', message: expect.stringContaining(said) });
  expect(result).toMatchObject({ message: expect.stringContaining('connector github-actions') });
  expect(String(result)).not.toContain('job-jwt');
});

test('a token that has run out while a canary is judged is exchanged again', async () => {
  const { 'argocd-token': _, ...inputs } = ARGO_INPUTS;
  const town = new Town(({ argo }, seconds) => {
    if (seconds >= 20) argo.token = 'argo-2';
  });
  town.argo.token = 'argo-1';
  const open = town.openHttp;
  let exchanges = 0;
  const openHttp = () => {
    const inner = open();
    return {
      ...inner,
      send: async (request: Parameters<typeof inner.send>[0]) => {
        const body = request.url.pathname.endsWith('/dex/token')
          ? `{"access_token":"argo-${++exchanges}"}`
          : request.url.hostname === '127.0.0.8'
            ? '{"value":"job-jwt"}'
            : undefined;
        if (body === undefined) return inner.send(request);
        const text = async (): Promise<string> => body;
        return { ...(await inner.send({ ...request, method: 'GET', url: new URL('http://127.0.0.1/') })), text };
      },
    };
  };
  const { verdict, log } = await watch(
    { 'expected-weight': '20', ...town.targets, ...inputs },
    {
      config: rules(undefined, ['interval: 5s', 'steps: [{weight: 20, min: 1m}]']),
      clock: town.clock,
      openHttp,
      env: { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://127.0.0.8/token', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token' },
    },
  );
  expect([verdict.verdict, exchanges]).toEqual(['pass', 2]);
  expect(log.masked).toEqual(expect.arrayContaining(['request-token', 'job-jwt', 'argo-1', 'argo-2']));
  expect(log.annotations.filter((a) => a.level === 'warning')).toEqual([]);
});
