/** A change behind Git's back does not stay. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Cluster } from '../../../lab/cluster/cluster.ts';
import { openSmallWorld, type SmallWorld } from './small.ts';

let world: SmallWorld;
let cluster: Cluster;

beforeAll(async () => {
  world = await openSmallWorld();
});
afterEach(() => cluster.close());
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const healthy = () => cluster.waitFor((s) => s.sync === 'Synced' && s.health === 'Healthy', 120);

test('a Deployment changed by hand is OutOfSync, and as in Git within 3 polls, without a failed request', async () => {
  cluster = await world.start('tampered', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  const before = cluster.pods().map((p) => p.name);
  const versions = new Set<string | null>();
  let running = true;
  const traffic = (async () => {
    while (running) {
      const response = await fetch(`${cluster.gatewayUrl}/`);
      await response.text();
      versions.add(response.ok ? response.headers.get('x-version') : String(response.status));
    }
  })();
  const polls = cluster.tamper('stable', { name: 'VERSION', value: 'by hand' });
  expect(cluster.status()).toMatchObject({ sync: 'OutOfSync', message: 'Deployment stable is not as in Git' });
  expect(cluster.pods()).toHaveLength(2);
  await healthy();
  expect(cluster.polls() - polls).toBeLessThanOrEqual(3);
  const serving = () => cluster.pods().filter((p) => p.state !== 'Terminating');
  expect(serving().map((p) => p.name)).toEqual(before);
  running = false;
  await traffic;
  expect(versions).toEqual(new Set(['v1']));
});

test('a commit that comes with a change by hand wins over it', async () => {
  cluster = await world.start('both', { stable: { version: 'v1', weight: 100, replicas: 2 } });
  await healthy();
  cluster.tamper('stable', { name: 'VERSION', value: 'by hand' });
  const head = await world.commit('both', { stable: { version: 'v2', weight: 100, replicas: 2 } });
  await cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 120);
  const version = async (): Promise<string | null> => (await fetch(`${cluster.gatewayUrl}/`)).headers.get('x-version');
  expect([await version(), await version()]).toEqual(['v2', 'v2']);
});

test('there is nothing to change by hand where there is no such Deployment', async () => {
  cluster = await world.start('nothing', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  expect(() => cluster.tamper('canary', { name: 'A', value: 'b' })).toThrow('there is no Deployment canary');
  expect(cluster.status().sync).toBe('Synced');
});
