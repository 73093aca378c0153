/** The action's wait and looks against the lab's cluster: real Git, real helm, real pods, and an API that refuses every write. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Cluster } from '../../../lab/cluster/cluster.ts';
import { openHttp } from '../../../src/http/index.ts';
import { memoryLog, systemClock } from '../../../src/runner/index.ts';
import { connect } from '../../../src/verify-canary/argocd/connection.ts';
import { observe } from '../../../src/verify-canary/argocd/observer.ts';
import { type Waited, waitForArrival } from '../../../src/verify-canary/argocd/wait.ts';
import type { ArgoWish } from '../../../src/verify-canary/argocd/wish.ts';
import { openSmallWorld, type SmallWorld, type Track } from '../../lab/cluster/small.ts';
import { commitFiles } from '../../support/commit.ts';

const http = openHttp();
let world: SmallWorld;
let cluster: Cluster;
beforeAll(async () => {
  world = await openSmallWorld();
});
afterEach(async () => {
  // Whatever was asked, nothing was tried to be changed.
  expect(cluster.apiRequests.length).toBeGreaterThan(0);
  expect(cluster.apiRequests.filter((line) => !line.startsWith('GET '))).toEqual([]);
  await cluster.close();
});
afterAll(async () => {
  await http.close();
  await world[Symbol.asyncDispose]();
});

const STABLE: Track = { version: 'v1', weight: 90 };
const canary = (more: Partial<Track> = {}): Record<string, Track> => ({
  stable: STABLE,
  canary: { version: 'v2', weight: 10, image: world.other, ...more },
});
const digestOf = (image: string): string => image.slice(image.indexOf('sha256:'));
const ports = () => ({
  http,
  clock: systemClock,
  random: Math.random,
  log: memoryLog(),
  signal: new AbortController().signal,
});

function wish(revision: string, more: Partial<ArgoWish> = {}): ArgoWish {
  return {
    server: new URL(cluster.apiUrl),
    name: { name: 'app', namespace: '', project: 'default' },
    token: cluster.apiToken,
    oidc: null,
    revision,
    digest: digestOf(world.other),
    rollout: '',
    timeout: 30,
    ...more,
  };
}

async function start(name: string): Promise<void> {
  cluster = await world.start(name, { stable: { ...STABLE, weight: 100 } });
  await cluster.waitFor((s) => s.sync === 'Synced' && s.health === 'Healthy', 120);
}
const wait = (w: ArgoWish): Promise<Waited> => waitForArrival(connect(w, ports()), w, ports());

test('it waits until the commit is applied and the canary runs, and then sees the next version take over', async () => {
  await start('arrives');
  const commit = await world.commit('arrives', canary());
  const w = wish(commit);
  const waited = await wait(w);
  expect(waited.kind).toBe('arrived');
  if (waited.kind !== 'arrived') return;
  expect(cluster.pods().filter((pod) => pod.ready && pod.imageId === digestOf(world.other))).toHaveLength(1);
  expect(waited.note).toContain(`Synced at ${commit.slice(0, 7)}`);

  const observer = observe(connect(w, ports()), { wish: w, arrived: waited.arrived, interval: 1 }, ports());
  expect(await observer.finish()).toBeNull();
  // A commit that changes the weight alone is about the same version still.
  let head = await world.commit('arrives', canary({ weight: 20 }));
  await cluster.waitFor((s) => s.revision === head && s.health === 'Healthy' && s.sync === 'Synced', 120);
  expect(await observer.finish()).toBeNull();
  head = await world.commit('arrives', { stable: { ...STABLE, weight: 100 } });
  await cluster.waitFor((s, pods) => s.revision === head && pods.every((pod) => pod.labels.track === 'stable'), 120);
  expect(await observer.finish()).toMatchObject({ event: 'superseded' });
  await observer.close();
});

test('a canary that crashes again and again ends the wait', async () => {
  await start('crashes');
  const waited = await wait(wish(await world.commit('crashes', canary({ crash: '1' }))));
  expect(waited).toMatchObject({ kind: 'ended', finding: { event: 'crashloop' } });
});

test('a commit that does not render is red with what helm says', async () => {
  await start('broken');
  const commit = await commitFiles(world.forge, 'org/broken', { 'templates/all.yaml': '{{ fail "no way" }}' });
  await expect(wait(wish(commit))).rejects.toMatchObject({
    code: 'E_ARGOCD_FAILED',
    message: expect.stringContaining('no way'),
  });
});

test('wrong token, wrong project, no such application: the right words', async () => {
  await start('words');
  const commit = cluster.status().revision;
  const name = { name: 'app', namespace: '', project: 'default' };
  const words = (more: Partial<ArgoWish>): Promise<unknown> =>
    wait(wish(commit, more)).catch((error: unknown) => error);
  expect(await words({ token: 'nope' })).toMatchObject({
    code: 'E_PERMISSION_MISSING',
    message: expect.stringContaining('takes the token for none of its own'),
  });
  expect(await words({ name: { ...name, project: 'other' } })).toMatchObject({
    code: 'E_PERMISSION_MISSING',
    message: expect.stringContaining('another project than other'),
  });
  expect(await words({ name: { ...name, name: 'gone' } })).toMatchObject({ code: 'E_ARGOCD_MISSING' });
  expect(await words({ name: { ...name, name: 'gone', project: '' } })).toMatchObject({
    code: 'E_PERMISSION_MISSING',
    message: expect.stringContaining('or there is no such application'),
  });
  expect(await words({ digest: digestOf(world.other), timeout: 3 })).toMatchObject({
    kind: 'ended',
    finding: { event: 'sync-timeout' },
  });
});
