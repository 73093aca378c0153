/** The whole cluster on a small chart of its own. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Cluster } from '../../../lab/cluster/cluster.ts';
import { commitFiles } from '../../support/commit.ts';
import { openSmallWorld, type SmallWorld, type Track } from './small.ts';

let world: SmallWorld;
let cluster: Cluster;

beforeAll(async () => {
  world = await openSmallWorld();
});
afterEach(() => cluster.close());
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function start(name: string, tracks: Record<string, Track>): Promise<void> {
  cluster = await world.start(name, tracks);
}
const healthy = () => cluster.waitFor((s) => s.sync === 'Synced' && s.health === 'Healthy', 120);
const get = async (): Promise<{ status: number; version: string | null }> => {
  const response = await fetch(`${cluster.gatewayUrl}/`);
  await response.text();
  return { status: response.status, version: response.headers.get('x-version') };
};

test('syncs, splits by weight, rolls without a failed request, and a change of weight restarts nothing', async () => {
  await start('rolls', { stable: { version: 'v1', weight: 100, replicas: 2 } });
  await healthy();
  expect(await get()).toEqual({ status: 200, version: 'v1' });
  const first = cluster.pods().map((p) => p.name);
  expect(new Set(cluster.metricsTargets().map((t) => t.labels.track))).toEqual(new Set(['stable']));

  let failed = 0;
  let running = true;
  const traffic = (async () => {
    while (running) if ((await get()).status !== 200) failed += 1;
  })();
  let head = await world.commit('rolls', {
    stable: { version: 'v1', weight: 50, replicas: 2 },
    canary: { version: 'v2', weight: 50 },
  });
  await cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 120);
  const seen = await Promise.all(Array.from({ length: 200 }, get));
  const canary = seen.filter((r) => r.version === 'v2').length;
  expect(canary).toBeGreaterThan(60);
  expect(canary).toBeLessThan(140);
  expect(
    cluster
      .pods()
      .filter((p) => p.labels.track === 'stable')
      .map((p) => p.name),
  ).toEqual(first);
  head = await world.commit('rolls', { stable: { version: 'v2', weight: 100, replicas: 2 } });
  await cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 120);
  expect((await get()).version).toBe('v2');
  running = false;
  await traffic;
  expect(failed).toBe(0);
});

test('a version that crashes never gets a request, and shows as Degraded', async () => {
  await start('crashes', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  await world.commit('crashes', {
    stable: { version: 'v1', weight: 50 },
    canary: { version: 'bad', weight: 50, crash: '1' },
  });
  await cluster.waitFor((s, pods) => s.health === 'Degraded' && pods.some((p) => p.state === 'CrashLoopBackOff'), 120);
  const seen = await Promise.all(Array.from({ length: 50 }, get));
  expect(new Set(seen.map((r) => `${r.status} ${r.version}`))).toEqual(new Set(['200 v1']));
});

test('a chart that does not render leaves what runs as it is, and says why', async () => {
  await start('broken', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  await commitFiles(world.forge, 'org/broken', { 'templates/all.yaml': '{{ fail "no way" }}' });
  await cluster.waitFor((s) => s.sync === 'OutOfSync' && s.message.includes('no way'), 120);
  expect((await get()).version).toBe('v1');
  const headers = { authorization: `Bearer ${cluster.apiToken}` };
  const answer = await fetch(`${cluster.apiUrl}/api/v1/applications/app`, { headers });
  const { status } = (await answer.json()) as { status: { operationState: object } };
  expect(status.operationState).toMatchObject({ phase: 'Error', message: expect.stringContaining('no way') });
});

test("the API reads as Argo CD's does, needs its token, and refuses every write", async () => {
  await start('api', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  const ask = (path: string, method = 'GET', token = cluster.apiToken): Promise<Response> =>
    fetch(cluster.apiUrl + path, { method, headers: { authorization: `Bearer ${token}` } });
  const application = (await (await ask('/api/v1/applications/app')).json()) as {
    status: { sync: { status: string; revision: string }; health: { status: string }; summary: { images: string[] } };
  };
  expect(application.status).toMatchObject({
    sync: { status: 'Synced', revision: cluster.status().revision },
    health: { status: 'Healthy' },
    summary: { images: [world.image] },
  });
  expect((await ask('/api/v1/applications/app', 'GET', 'wrong')).status).toBe(401);
  const statusOf = async (path: string): Promise<number> => (await ask(`/api/v1/applications/${path}`)).status;
  // Without a project a missing one and a forbidden one look alike; with one they do not.
  expect(await statusOf('other')).toBe(403);
  expect(await statusOf('other?project=default')).toBe(404);
  expect(await statusOf('app?project=other')).toBe(403);
  expect(await statusOf('app?project=default&appNamespace=argocd')).toBe(200);
  expect(await statusOf('app?project=default&appNamespace=team-a')).toBe(404);
  const tree = (await (await ask('/api/v1/applications/app/resource-tree')).json()) as { nodes: object[] };
  expect(tree.nodes).toMatchObject([
    { kind: 'Deployment', name: 'stable', health: { status: 'Healthy' } },
    { kind: 'Pod', parentRefs: [{ name: 'stable' }], info: [{ name: 'Status Reason', value: 'Running' }, {}] },
  ]);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    expect((await ask('/api/v1/applications/app', method)).status).toBe(405);
  expect(cluster.apiRequests).toContain('DELETE /api/v1/applications/app');
});
