/** A small chart, its image and a place for both: real Git, real helm, pods that are small Node programs. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
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
          image: {{ $v.image }}
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

const sha = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export type Track = { version: string; weight: number; replicas?: number; crash?: string; image?: string };

export interface SmallWorld extends AsyncDisposable {
  readonly forge: Forge;
  /** `host/o/app@sha256:…`, and another image that does the same. */
  readonly image: string;
  readonly other: string;
  start(name: string, tracks: Record<string, Track>): Promise<Cluster>;
  /** @returns the commit */
  commit(name: string, tracks: Record<string, Track>): Promise<string>;
}

export async function openSmallWorld(): Promise<SmallWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'cluster-test-'));
  const helm = await ensureHelm(join(root, '.lab'));
  const forge = await startForge();
  const tar = pack();
  tar.entry({ name: 'server.js', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, SERVER);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  const layer = gzipSync(Buffer.concat(parts));
  const blobs = new Map<string, Buffer>([[sha(layer), layer]]);
  const push = (label: string): string => {
    const config = Buffer.from(JSON.stringify({ config: { Entrypoint: ['node', 'server.js'], Labels: { label } } }));
    const layers = [{ mediaType: 'tar+gzip', digest: sha(layer), size: layer.length }];
    const manifest = Buffer.from(JSON.stringify({ config: { digest: sha(config), size: config.length }, layers }));
    for (const bytes of [config, manifest]) blobs.set(sha(bytes), bytes);
    return sha(manifest);
  };
  const [first, second] = [push('one'), push('two')];
  const registry = createServer((req, res) => {
    const bytes = blobs.get(req.url?.split('/').at(-1) ?? '');
    return bytes === undefined ? res.writeHead(404).end() : res.end(bytes);
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const repository = `127.0.0.1:${(registry.address() as AddressInfo).port}/o/app`;
  const image = `${repository}@${first}`;
  const values = (tracks: Record<string, Track>): string =>
    JSON.stringify({
      tracks: Object.fromEntries(Object.entries(tracks).map(([k, t]) => [k, { replicas: 1, image, ...t }])),
    });
  return {
    forge,
    image,
    other: `${repository}@${second}`,
    async start(name, tracks) {
      await forge.createRepository(`org/${name}`, { files: { ...CHART, 'v.yaml': values(tracks) } });
      return startCluster({
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
    },
    commit: (name, tracks) => commitFiles(forge, `org/${name}`, { 'v.yaml': values(tracks) }),
    async [Symbol.asyncDispose]() {
      await forge.close();
      registry.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
