import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runAction } from '../support/bundle.ts';

const DIGEST = `sha256:${'b'.repeat(64)}`;
const requests: string[] = [];
let server: Server;
let api: string;
let failures = 0;

beforeAll(async () => {
  server = createServer((req, res) => {
    requests.push(`${req.headers.authorization} ${req.url}`);
    if (failures > 0) {
      failures -= 1;
      return res.writeHead(502).end();
    }
    if (req.headers.authorization !== 'Bearer good') return res.writeHead(401).end('{"message":"Bad credentials"}');
    if (req.url === '/repos/org/config/contents/env/v.yaml?ref=main') {
      return res.end(
        'image: { repository: r, tag: a, digest: "" }\ncanary: { weight: 0, image: { tag: "", digest: "" } }\n',
      );
    }
    return res.writeHead(404).end('{"message":"Not Found"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

const inputs = (over: Record<string, string> = {}): Record<string, string> => ({
  image: 'registry.example/org/app',
  tag: 'sha-1',
  digest: DIGEST,
  'config-repository': 'org/config',
  'values-file': 'env/v.yaml',
  token: 'good',
  'prometheus-url': 'https://prometheus.example',
  'api-url': api,
  ...over,
});

test('reads the values in one request and prints the stages', async () => {
  requests.length = 0;
  const run = await runAction('plan-delivery', inputs());
  expect(run.log).toContain('6 stages: 5%25, 10%25, 25%25, 50%25, 100%25, finish');
  expect(run.code).toBe(0);
  expect(run.outputs.count).toBe('6');
  expect(JSON.parse(run.outputs.stages ?? '')[0]).toMatchObject({
    index: 0,
    name: '5%',
    'timeout-minutes': 45,
    verify: { mode: 'concurrent', weight: 5 },
  });
  expect(requests).toEqual(['Bearer good /repos/org/config/contents/env/v.yaml?ref=main']);
  expect(run.log).not.toMatch(/good(?!$)/m);
});

test('a passing fault of the forge is retried', async () => {
  failures = 2;
  expect((await runAction('plan-delivery', inputs())).code).toBe(0);
});

describe('bad input: one message with a code, red, nothing written', () => {
  test.each([
    ['no inputs at all', { image: '', tag: '', digest: '', 'config-repository': '', 'values-file': '' }, 'E_INPUT'],
    ['short digest', { digest: 'sha256:abc' }, 'E_INPUT'],
    ['image without a registry', { image: 'App' }, 'E_INPUT'],
    ['tag with a workflow command', { tag: 'v1%0A::set-output name=x' }, 'E_INPUT'],
    ['path that climbs', { 'values-file': '../../etc/passwd.yaml' }, 'E_INPUT'],
    ['repository as a URL', { 'config-repository': 'https://forge.example/o/r' }, 'E_INPUT'],
    ['hostile branch', { 'config-branch': 'a..b' }, 'E_INPUT'],
    ['unknown strategy', { strategy: 'canray' }, 'E_INPUT'],
    ['weights', { weights: '[5,5,100]' }, 'E_PLAN_WEIGHTS'],
    ['trap 15: the secret is empty in this environment', { token: '', environment: 'production' }, 'E_PLAN_SECRET'],
    ['canary without evidence', { 'prometheus-url': '' }, 'E_PLAN_NO_EVIDENCE'],
    ['a Rollout that nobody could watch', { router: 'rollouts' }, 'E_PLAN_NO_EVIDENCE'],
    ['a Rollout of another strategy', { router: 'rollouts', strategy: 'rolling' }, 'E_INPUT'],
    ['no such file', { 'values-file': 'env/w.yaml' }, 'E_PLAN_FILE'],
    ['refused token', { token: 'bad' }, 'E_PERMISSION_MISSING'],
    ['plain http to another host', { 'api-url': 'http://forge.example' }, 'E_CONFIG_UNREADABLE'],
    ['unknown layout name', { layout: 'canary.wight: x' }, 'E_INPUT'],
  ])('%s', async (_name, over, code) => {
    const run = await runAction('plan-delivery', inputs(over as unknown as Record<string, string>));
    expect(run.code).toBe(1);
    expect(run.log.match(/^::error /gm)).toHaveLength(1);
    expect(run.log.match(/\[(E_[A-Z_]+)\]/)?.[1]).toBe(code);
    expect(run.outputs).toEqual({});
  });
});

test('artifacts are named for their target: two deliveries of one run never read each other', async () => {
  const names = async (over: Record<string, string>): Promise<string[]> => {
    const { outputs } = await runAction('plan-delivery', inputs({ app: 'my shop', ...over }));
    return [outputs.records ?? '', ...JSON.parse(outputs.stages ?? '').map((s: { artifact: string }) => s.artifact)];
  };
  const [pattern = '', first = ''] = await names({ environment: 'prod/eu' });
  expect(pattern).toMatch(/^canary-my-shop-[0-9a-f]{8}-\*$/);
  expect(first).toBe(pattern.replace('*', '0'));
  expect((await names({ environment: 'prod/us' }))[0]).not.toBe(pattern);
  expect(await names({ environment: 'prod/eu' })).toContain(first);
});

test('a stage may take as long as its rules ask for', async () => {
  const run = await runAction('plan-delivery', inputs({ 'stage-minutes': '90' }));
  expect(JSON.parse(run.outputs.stages ?? '')[0]['timeout-minutes']).toBe(90);
  expect((await runAction('plan-delivery', inputs({ 'stage-minutes': '0' }))).log).toContain('E_INPUT');
});

test('a Rollout is watched under its own name, or that of the service', async () => {
  const given = { router: 'rollouts', app: 'shop', 'argocd-url': 'https://argocd.example' };
  const run = await runAction('plan-delivery', inputs(given));
  expect(run.log).toContain('1. roll: the Rollout shop is watched');
  const named = await runAction('plan-delivery', inputs({ ...given, 'argocd-rollout': 'front' }));
  expect(JSON.parse(named.outputs.stages ?? '')[0].verify).toMatchObject({ rollout: 'front', weight: '' });
});

test('after a rollback: what is judged, and the digest that is back', async () => {
  const given = { mode: 'rolled-back', strategy: 'rolling', app: 'shop', image: '', tag: '', digest: '' };
  const before = JSON.stringify({ stable: { tag: 'b', digest: DIGEST } });
  const run = await runAction('plan-delivery', inputs({ ...given, before }));
  expect(run.code).toBe(0);
  expect(JSON.parse(run.outputs.verify ?? '')).toMatchObject({ mode: 'post-promotion', step: 'rollback' });
  const refused = await runAction('plan-delivery', inputs({ ...given, before: 'b' }));
  expect([refused.code, refused.log.match(/\[(E_\w+)\]/)?.[1]]).toEqual([1, 'E_INPUT']);
});
