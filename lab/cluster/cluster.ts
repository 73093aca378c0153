/** The cluster stand-in: Argo CD, a node and a gateway on one machine. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startReadApi } from './api.ts';
import { Controller, type Health } from './controller.ts';
import { startGateway } from './gateway.ts';
import { ImageStore } from './images.ts';
import { type Objects, readObjects, withVariable } from './objects.ts';
import { canChroot, type RunMode } from './process.ts';
import { openSource } from './source.ts';
import { applicationJson, targetLabels, treeJson } from './views.ts';

export interface ClusterOptions {
  application: {
    name: string;
    repoUrl: string;
    token?: string;
    branch: string;
    /** Folder of the chart. */
    path: string;
    valueFiles: readonly string[];
    releaseName: string;
  };
  /** Path of helm. */
  helm: string;
  /** Argo CD polls every few minutes; a demo cannot wait that long (default 1000 ms). */
  pollMs?: number;
  imagesDir: string;
  mode: RunMode;
  seed?: number;
  onLog?(pod: string, line: string): void;
}

export interface PodFacts {
  name: string;
  url: string;
  deployment: string;
  labels: Readonly<Record<string, string>>;
  /** As the manifest names it. */
  image: string;
  /** Digest that runs. */
  imageId: string;
  revision: string;
  state: string;
  ready: boolean;
  restarts: number;
  message: string;
}

export interface ClusterStatus {
  sync: 'Synced' | 'OutOfSync' | 'Unknown';
  health: Health;
  /** Commit that is applied. */
  revision: string;
  message: string;
}

export interface Cluster extends AsyncDisposable {
  readonly apiUrl: string;
  readonly apiToken: string;
  /** `GET /api/v1/applications/shop`: everything that the API was asked, also what it refused. */
  readonly apiRequests: readonly string[];
  readonly gatewayUrl: string;
  pods(): readonly PodFacts[];
  status(): ClusterStatus;
  /**
   * Sets an environment variable of a Deployment by hand, behind Git's back, so that its pods are replaced. The application is
   * OutOfSync from then on, and the next poll brings back what stands in Git (self-heal).
   * @returns the number of polls so far
   * @throws Error when there is no such Deployment
   */
  tamper(deployment: string, env: { name: string; value: string }): number;
  /** How often the config repository was looked at. */
  polls(): number;
  /** What Prometheus would scrape: the ServiceMonitor's labels come from the pods. */
  metricsTargets(): readonly { url: string; labels: Record<string, string> }[];
  /** Resolves when the predicate holds; rejects with the status after so many seconds. */
  waitFor(holds: (status: ClusterStatus, pods: readonly PodFacts[]) => boolean, seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** @throws Error when pods cannot be started from their own root on this machine */
export async function startCluster(o: ClusterOptions): Promise<Cluster> {
  if (o.mode === 'chroot' && !canChroot())
    throw new Error('pods run in the root of their image, which needs root on Linux');
  const workDir = await mkdtemp(join(tmpdir(), 'cluster-'));
  await mkdir(o.imagesDir, { recursive: true });
  const images = new ImageStore(o.imagesDir);
  await images.prune();
  const hosts = join(workDir, 'hosts');
  writeFileSync(hosts, '127.0.0.1 localhost\n');
  const watchers = new Set<() => void>();
  const controller = new Controller({ images, mode: o.mode, hosts, log: (pod, line) => o.onLog?.(pod, line) }, () => {
    for (const watcher of watchers) watcher();
  });
  const source = await openSource({ ...o.application, token: o.application.token, helm: o.helm, workDir });
  const state = {
    seen: '',
    applied: '',
    message: '',
    failed: '',
    objects: undefined as Objects | undefined,
    history: [] as { revision: string; deployedAt: string }[],
    polls: 0,
  };
  const stopped = new AbortController();

  const sync = async (): Promise<void> => {
    const head = await source.head();
    state.polls += 1;
    if (head === state.seen) {
      // Self-heal: what Git says is applied again over what a hand has changed.
      if (state.objects !== undefined && controller.drifted().length > 0) controller.apply(state.objects);
      return;
    }
    try {
      state.objects = readObjects(await source.render(head));
    } catch (error) {
      state.failed = head;
      throw error;
    }
    state.seen = head;
    state.applied = head;
    state.failed = '';
    state.message = '';
    state.history.push({ revision: head, deployedAt: new Date().toISOString() });
    controller.apply(state.objects);
  };
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      // A forge that is away, or a chart that does not render, leaves what runs as it is.
      await sync().catch((error: unknown) => {
        state.message = (error as Error).message;
      });
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, o.pollMs ?? 1000);
        stopped.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve(undefined);
        });
      });
    }
  })();

  const drift = (): string =>
    controller
      .drifted()
      .map((name) => `Deployment ${name} is not as in Git`)
      .join(', ');
  const status = (): ClusterStatus => ({
    sync:
      state.applied === ''
        ? 'Unknown'
        : state.message === '' && drift() === '' && controller.settled
          ? 'Synced'
          : 'OutOfSync',
    health: controller.health(),
    revision: state.applied,
    message:
      state.message || drift() || (controller.pods.find((pod) => pod.message !== '' && !pod.ready)?.message ?? ''),
  });
  const pods = (): PodFacts[] =>
    controller.pods.map((pod) => ({
      name: pod.name,
      url: pod.url,
      deployment: pod.deployment,
      labels: pod.labels,
      image: pod.image,
      imageId: pod.imageId,
      revision: pod.annotations.revision ?? '',
      state: pod.state,
      ready: pod.ready,
      restarts: pod.restarts,
      message: pod.message,
    }));

  const apiToken = randomBytes(16).toString('hex');
  const api = await startReadApi(
    {
      name: o.application.name,
      application: () =>
        applicationJson(o, status(), pods(), { history: state.history, failed: state.failed, why: state.message }),
      resourceTree: () => treeJson(state.objects?.deployments ?? [], pods()),
    },
    apiToken,
  );
  const gateway = await startGateway(
    { routes: () => controller.routes, endpoints: (name) => controller.endpoints(name) },
    o.seed ?? 1,
  );

  const close = async (): Promise<void> => {
    stopped.abort();
    await loop;
    await Promise.all([api.close(), gateway.close(), controller.close()]);
    await rm(workDir, { recursive: true, force: true });
  };
  return {
    apiUrl: api.url,
    apiToken,
    apiRequests: api.requests,
    gatewayUrl: gateway.url,
    pods,
    status,
    tamper(deployment, env) {
      controller.tamper(deployment, (live) => withVariable(live, env));
      return state.polls;
    },
    polls: () => state.polls,
    metricsTargets: () =>
      controller.pods
        .filter((pod) => pod.state === 'Running')
        .map((pod) => ({
          url: `${pod.url}/metrics`,
          labels: { ...targetLabels(pod.labels), pod: pod.name, instance: `${pod.ip}:${pod.port()}` },
        })),
    waitFor: (holds, seconds) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!holds(status(), pods())) return;
          end();
          resolve();
        };
        const poll = setInterval(look, 200);
        const timer = setTimeout(() => {
          end();
          reject(new Error(`the cluster did not get there in ${seconds} s: ${JSON.stringify(status())}`));
        }, seconds * 1000);
        const end = (): void => {
          clearInterval(poll);
          clearTimeout(timer);
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
