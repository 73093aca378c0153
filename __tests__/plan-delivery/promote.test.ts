import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runAction } from '../support/bundle.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const REVISION = '1'.repeat(40);
const VALUES = `
image: { repository: r.example/org/app, tag: sha-1, digest: "${DIGEST}", revision: ${REVISION} }
canary: { weight: 0, image: { repository: "", tag: "", digest: "", revision: "" } }
`;
const asked: string[] = [];
let server: Server;
let url: string;
let values = VALUES;
let application: { status: number; body: unknown };
let log: string[] = [];

beforeAll(async () => {
  server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    if (req.url?.startsWith('/api/v1/applications/')) {
      res.writeHead(application.status).end(JSON.stringify(application.body));
    } else if (req.url?.includes('/commits?')) {
      res.end(JSON.stringify(log.map((message) => ({ sha: REVISION, commit: { message } }))));
    } else res.end(values);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

function healthy(images: readonly string[], sync = 'Synced', health = 'Healthy'): { status: number; body: unknown } {
  const status = { sync: { status: sync }, health: { status: health }, summary: { images } };
  return { status: 200, body: { metadata: { name: 'app-staging' }, status } };
}

async function plan(over: Record<string, string>, text = VALUES): Promise<Awaited<ReturnType<typeof runAction>>> {
  values = text;
  asked.length = 0;
  return runAction('plan-delivery', {
    mode: 'promote',
    strategy: 'rolling',
    'config-repository': 'org/config',
    'values-file': 'env/staging/values.yaml',
    token: 'config-token-1',
    'api-url': url,
    ...over,
  });
}

const withArgo = (): Record<string, string> => ({
  'argocd-url': url,
  'argocd-app': 'app-staging',
  'argocd-project': 'apps',
  'argocd-token': 'argo-token-1',
});

describe('promote', () => {
  test('what the environment runs: image, tag, digest and the commit; one request, no write', async () => {
    const run = await plan({});
    expect(run.code).toBe(0);
    expect(run.outputs).toMatchObject({ image: 'r.example/org/app', tag: 'sha-1', digest: DIGEST, revision: REVISION });
    expect(asked).toEqual(['GET /repos/org/config/contents/env/staging/values.yaml?ref=main']);
  });

  test('with blueGreen it is the image of the active slot', async () => {
    const slot = (tag: string, digest: string): string =>
      `{ image: { repository: r.example/org/app, tag: ${tag}, digest: "${digest}", revision: ${REVISION} } }`;
    const text = `blueGreen:\n  active: green\n  blue: ${slot('b', OTHER)}\n  green: ${slot('g', DIGEST)}\n`;
    expect((await plan({ strategy: 'blueGreen' }, text)).outputs).toMatchObject({ tag: 'g', digest: DIGEST });
  });

  test('Argo CD says Synced and Healthy on exactly that digest', async () => {
    application = healthy([`r.example/org/app@${DIGEST}`, 'proxy.example/sidecar:v3']);
    const run = await plan(withArgo());
    expect(run.outputs.digest).toBe(DIGEST);
    expect(asked[1]).toBe('GET /api/v1/applications/app-staging?project=apps&refresh=normal');
    expect(run.log).not.toMatch(/(config|argo)-token-1(?!$)/m);
  });

  test.each([
    ['out of sync', () => healthy([`r.example/org/app@${DIGEST}`], 'OutOfSync'), 'OutOfSync, Healthy'],
    ['degraded', () => healthy([`r.example/org/app@${DIGEST}`], 'Synced', 'Degraded'), 'Synced, Degraded'],
    ['another digest', () => healthy([`r.example/org/app@${OTHER}`]), 'pods run'],
    ['two digests', () => healthy([`r.example/org/app@${DIGEST}`, `r.example/org/app@${OTHER}`]), 'pods run'],
    ['a tag alone', () => healthy(['r.example/org/app:sha-1']), 'pods run'],
    ['another repository', () => healthy([`r.example/org/application@${DIGEST}`]), 'no pod runs'],
    ['no pod', () => healthy([]), 'no pod runs'],
  ])('not healthy: %s', async (_name, answer, why) => {
    application = answer();
    const run = await plan(withArgo());
    expect(run.code).toBe(1);
    expect(run.log).toContain('[E_PLAN_PROMOTE_HEALTH]');
    expect(run.log).toContain(why);
    expect(run.outputs).toEqual({});
  });

  test.each([
    ['a canary in flight', VALUES.replace('weight: 0', 'weight: 5'), 'E_PLAN_PROMOTE_BUSY'],
    ['a canary image', VALUES.replace('digest: ""', `digest: "${OTHER}"`), 'E_PLAN_PROMOTE_BUSY'],
    ['no digest', VALUES.replace(DIGEST, ''), 'E_PLAN_PROMOTE_DIGEST'],
    ['no commit', VALUES.replace(REVISION, '""'), 'E_PLAN_PROMOTE_DIGEST'],
    ['half a digest', VALUES.replace(DIGEST, 'sha256:abc'), 'E_PLAN_PROMOTE_DIGEST'],
    ['no repository', VALUES.replace('repository: r.example/org/app', 'repository: ""'), 'E_PLAN_PROMOTE_DIGEST'],
  ])('refused: %s', async (_name, text, code) => {
    const run = await plan({}, text);
    expect([run.code, run.log.match(/\[(E_[A-Z_]+)\]/)?.[1], run.outputs]).toEqual([1, code, {}]);
  });

  test.each([
    ['an image', { image: 'r.example/org/app' }],
    ['a name with a slash', { ...withArgoNames(), 'argocd-app': 'a/b' }],
    ['no token for Argo CD', { ...withArgoNames(), 'argocd-token': '' }],
    ['an address that is none', { ...withArgoNames(), 'argocd-url': 'argocd' }],
  ])('bad input: %s', async (_name, over) => {
    const run = await plan(over as unknown as Record<string, string>);
    expect([run.code, run.log.match(/\[(E_[A-Z_]+)\]/)?.[1]]).toEqual([1, 'E_INPUT']);
    expect(asked).toEqual([]);
  });
});

function withArgoNames(): Record<string, string> {
  return { 'argocd-url': 'https://argocd.example', 'argocd-app': 'app', 'argocd-token': 'argo-token-1' };
}

describe('rollback', () => {
  const rollback = (over: Record<string, string>, text = VALUES) => plan({ mode: 'rollback', ...over }, text);

  test('previous: of the stable image; a canary in flight is ended, whoever it belongs to', async () => {
    const run = await rollback({ strategy: 'canary' }, VALUES.replace('weight: 0', 'weight: 25'));
    expect(run.outputs).toMatchObject({
      rollback: 'previous',
      'rollback-file': 'env/staging/values.yaml',
      'rollback-image-path': 'image',
    });
    const updates = JSON.parse(run.outputs.updates ?? '') as Record<string, unknown>[];
    expect(updates.map((u) => [u.path, u.value, u['only-if']])).toEqual([
      ['canary.image.repository', '', undefined],
      ['canary.image.tag', '', undefined],
      ['canary.image.digest', '', undefined],
      ['canary.image.revision', '', undefined],
      ['canary.weight', 0, undefined],
    ]);
  });

  test('a commit names its own targets; without a canary nothing rides along', async () => {
    const run = await rollback({ to: REVISION }, VALUES.split('canary')[0]);
    expect(run.outputs).toMatchObject({ rollback: REVISION, 'rollback-file': '', updates: '' });
  });

  test('blueGreen: the requests go to the other slot, while both are as they were read', async () => {
    const slot = (digest: string): string =>
      `{ image: { repository: "", tag: x, digest: "${digest}", revision: "${REVISION}" } }`;
    const text = (green: string): string =>
      `blueGreen:\n  active: blue\n  blue: ${slot(DIGEST)}\n  green: ${slot(green)}\n`;
    const run = await rollback({ strategy: 'blueGreen' }, text(OTHER));
    // The next order guard asks whose build gets the requests: that of the slot, not of whoever rolls back.
    expect([run.outputs.rollback, run.outputs.revision]).toEqual(['', REVISION]);
    expect(JSON.parse(run.outputs.updates ?? '')).toEqual([
      {
        file: 'env/staging/values.yaml',
        path: 'blueGreen.active',
        value: 'green',
        type: 'string',
        'only-if': { 'blueGreen.active': 'blue', 'blueGreen.green.image.digest': OTHER },
      },
    ]);
    const empty = await rollback({ strategy: 'blueGreen' }, text(''));
    expect([empty.code, empty.log.match(/\[(E_[A-Z_]+)\]/)?.[1]]).toEqual([1, 'E_PLAN_ROLLBACK']);
  });

  test('trap 14: a preview that never had the requests is nothing to go back to; what had them is, also when it came back', async () => {
    const slot = (digest: string): string => `{ image: { repository: "", tag: x, digest: "${digest}", revision: "" } }`;
    const text = `blueGreen:\n  active: blue\n  blue: ${slot(DIGEST)}\n  green: ${slot(OTHER)}\n`;
    const block = (target: string, value: string): string =>
      `t\n\nBump-Id: 7b0c6f0e-0000-4000-8000-000000000000\nBump-Target: env/staging/values.yaml#0#${target}\n${value}\nSource-Repository: github.com/o/r\nSource-Revision: ${REVISION}`;
    const image = (name: string, digest: string): string =>
      block(`blueGreen.${name}.image`, `Image-Ref: r.example/org/app:x@${digest}`);
    const active = (name: string): string => block('blueGreen.active', `Bump-Value: "${name}"`);
    const served = [image('green', DIGEST), active('green'), image('blue', DIGEST), active('blue')];
    const end = async (oldestFirst: string[]): Promise<string> => {
      log = oldestFirst.toReversed();
      const run = await rollback({ strategy: 'blueGreen' }, text);
      log = [];
      return run.log.match(/\[(E_[A-Z_]+)\]/)?.[1] ?? (JSON.parse(run.outputs.updates ?? '')[0].value as string);
    };
    expect(await end([...served, image('green', OTHER)])).toBe('E_PLAN_ROLLBACK');
    expect(await end([image('green', OTHER), active('green'), image('blue', DIGEST), active('blue')])).toBe('green');
    const back = [
      image('green', OTHER),
      active('green'),
      active('blue'),
      image('green', DIGEST),
      image('green', OTHER),
    ];
    expect(await end(back)).toBe('green');
    // By hand, or longer ago than the log that is read.
    expect(await end([active('blue')])).toBe('green');
    expect(asked.filter((line) => line.includes('/commits?'))).toHaveLength(1);
  });

  test('to is previous or a full commit', async () => {
    const run = await rollback({ to: 'HEAD~1' });
    expect(run.log.match(/\[(E_[A-Z_]+)\]/)?.[1]).toBe('E_INPUT');
  });
});
