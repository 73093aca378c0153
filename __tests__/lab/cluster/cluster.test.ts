/** The whole cluster on a small chart of its own: real Git, real helm, pods that are small Node programs. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { type Cluster, startCluster } from '../../../lab/cluster/cluster.ts';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { ensureHelm } from '../../../tools/helm/index.ts';
import { root } from '../../support/bundle.ts';
import { commitFiles } from '../../support/commit.ts';

const SERVER = `
const { createServer } = require('node:http');
if (process.env.CRASH === '1') process.exit(3);
const server = createServer((req, res) => {
  if (req.url === '/readyz') return res.end('ok');
  res.setHeader('x-version', process.env.VERSION);
  return setTimeout(() => res.end(process.env.HOST), 20);
}).listen(8080, process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;
const CHART = {
  'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\n',
  'templates/all.yaml': `
{{- range $track, $v := .Values.tracks }}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ $track }} }
spec:
  replicas: {{ $v.replicas }}
  selector: { matchLabels: { track: {{ $track }} } }
  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  template:
    metadata: { labels: { app: app, track: {{ $track }} }, annotations: { revision: {{ $v.version | quote }} } }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: c
          image: {{ $.Values.image }}
          ports: [{ name: http, containerPort: 8080 }]
          env: [{ name: VERSION, value: {{ $v.version | quote }} }, { name: CRASH, value: {{ $v.crash | default "0" | quote }} }]
          readinessProbe: { httpGet: { path: /readyz, port: http } }
---
apiVersion: v1
kind: Service
metadata: { name: {{ $track }} }
spec: { selector: { track: {{ $track }} }, ports: [{ port: 80, targetPort: http }] }
{{- end }}
---
kind: HTTPRoute
metadata: { name: app, annotations: { argocd.argoproj.io/sync-wave: "1" } }
spec:
  rules:
    - backendRefs:
        {{- range $track, $v := .Values.tracks }}
        - { name: {{ $track }}, weight: {{ $v.weight }} }
        {{- end }}
`,
};

let forge: Forge;
let registry: Server;
let cluster: Cluster;
let dir: string;
let helm: string;
let image: string;

const sha = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cluster-test-'));
  helm = await ensureHelm(join(root, '.lab'));
  forge = await startForge();
  const tar = pack();
  tar.entry({ name: 'server.js', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, SERVER);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  const layer = gzipSync(Buffer.concat(parts));
  const config = Buffer.from(JSON.stringify({ config: { Entrypoint: ['node', 'server.js'] } }));
  const manifest = Buffer.from(
    JSON.stringify({
      config: { digest: sha(config), size: config.length },
      layers: [{ mediaType: 'tar+gzip', digest: sha(layer), size: layer.length }],
    }),
  );
  const blobs = new Map([manifest, config, layer].map((b) => [sha(b), b]));
  registry = createServer((req, res) => {
    const bytes = blobs.get(req.url?.split('/').at(-1) ?? '');
    return bytes === undefined ? res.writeHead(404).end() : res.end(bytes);
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  image = `127.0.0.1:${(registry.address() as AddressInfo).port}/o/app@${sha(manifest)}`;
}, 60_000);
afterEach(() => cluster.close());
afterAll(async () => {
  await forge.close();
  registry.close();
  rmSync(dir, { recursive: true, force: true });
});

type Track = { version: string; weight: number; replicas?: number; crash?: string };
const values = (tracks: Record<string, Track>): string =>
  JSON.stringify({
    image,
    tracks: Object.fromEntries(Object.entries(tracks).map(([k, t]) => [k, { replicas: 1, ...t }])),
  });

async function start(name: string, tracks: Record<string, Track>): Promise<void> {
  await forge.createRepository(`org/${name}`, { files: { ...CHART, 'v.yaml': values(tracks) } });
  cluster = await startCluster({
    application: {
      name: 'app',
      repoUrl: `${forge.url}/org/${name}.git`,
      branch: 'main',
      path: '.',
      valueFiles: ['v.yaml'],
      releaseName: 'app',
    },
    helm,
    pollMs: 100,
    imagesDir: join(dir, 'images'),
    mode: 'host',
  });
}
const healthy = () => cluster.waitFor((s) => s.sync === 'Synced' && s.health === 'Healthy', 20);
const commit = async (name: string, tracks: Record<string, Track>): Promise<string> =>
  commitFiles(forge, `org/${name}`, { 'v.yaml': values(tracks) });
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
  let head = await commit('rolls', {
    stable: { version: 'v1', weight: 50, replicas: 2 },
    canary: { version: 'v2', weight: 50 },
  });
  await cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 20);
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
  head = await commit('rolls', { stable: { version: 'v2', weight: 100, replicas: 2 } });
  await cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 20);
  expect((await get()).version).toBe('v2');
  running = false;
  await traffic;
  expect(failed).toBe(0);
}, 60_000);

test('a version that crashes never gets a request, and shows as Degraded', async () => {
  await start('crashes', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  await commit('crashes', {
    stable: { version: 'v1', weight: 50 },
    canary: { version: 'bad', weight: 50, crash: '1' },
  });
  await cluster.waitFor((s, pods) => s.health === 'Degraded' && pods.some((p) => p.state === 'CrashLoopBackOff'), 20);
  const seen = await Promise.all(Array.from({ length: 50 }, get));
  expect(new Set(seen.map((r) => `${r.status} ${r.version}`))).toEqual(new Set(['200 v1']));
}, 60_000);

test('a chart that does not render leaves what runs as it is, and says why', async () => {
  await start('broken', { stable: { version: 'v1', weight: 100 } });
  await healthy();
  await commitFiles(forge, 'org/broken', { 'templates/all.yaml': '{{ fail "no way" }}' });
  await cluster.waitFor((s) => s.sync === 'OutOfSync' && s.message.includes('no way'), 20);
  expect((await get()).version).toBe('v1');
  const headers = { authorization: `Bearer ${cluster.apiToken}` };
  const answer = await fetch(`${cluster.apiUrl}/api/v1/applications/app`, { headers });
  const { status } = (await answer.json()) as { status: { operationState: object } };
  expect(status.operationState).toMatchObject({ phase: 'Error', message: expect.stringContaining('no way') });
}, 60_000);

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
    summary: { images: [image] },
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
}, 60_000);
