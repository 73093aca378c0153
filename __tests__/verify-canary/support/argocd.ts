/** An Argo CD that says what the test tells it to, as memory or as a server on loopback; and a world with pods beside it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Http, HttpError } from '../../../src/http/index.ts';
import { Pod } from './pod.ts';
import { memoryHttp, podUrl, type Reply, steppingClock } from './world.ts';

export const OLD = '0'.repeat(40);
export const OURS = '1'.repeat(40);
export const LATER = '2'.repeat(40);
export const DIGEST = `sha256:${'a'.repeat(64)}`;
export const IMAGE = `r.example/shop:1.2@${DIGEST}`;
export const STABLE_IMAGE = `r.example/shop:1.1@sha256:${'b'.repeat(64)}`;
export const TOKEN = 'argo-secret-token';

export interface RolloutFacts {
  current?: string;
  stable?: string;
  /** Percent; undefined: no route. */
  weight?: number;
  steps?: readonly object[];
  at?: number;
  pauses?: readonly object[];
  abort?: boolean;
  phase?: string;
  message?: string;
  generation?: number;
  observed?: string;
  routing?: object;
}

export function rolloutJson(facts: RolloutFacts): object {
  const { weight } = facts;
  return {
    kind: 'Rollout',
    metadata: { name: 'shop', generation: facts.generation ?? 3 },
    spec: { strategy: { canary: { steps: facts.steps ?? [], trafficRouting: facts.routing } } },
    status: {
      currentPodHash: facts.current ?? 'bbb',
      stableRS: facts.stable ?? 'aaa',
      currentStepIndex: facts.at,
      observedGeneration: facts.observed ?? '3',
      pauseConditions: facts.pauses,
      abort: facts.abort,
      phase: facts.phase ?? 'Progressing',
      message: facts.message,
      canary: weight === undefined ? {} : { weights: { canary: { weight }, stable: { weight: 100 - weight } } },
    },
  };
}

export const podNode = (image: string, reason: string, labels: object = {}): object => ({
  version: 'v1',
  kind: 'Pod',
  namespace: 'shop',
  name: 'shop-canary-1',
  parentRefs: [{ kind: 'ReplicaSet', name: 'shop-canary' }],
  info: [{ name: 'Status Reason', value: reason }],
  networkingInfo: { labels },
  images: [image],
});

export const rolloutNode = {
  group: 'argoproj.io',
  version: 'v1alpha1',
  kind: 'Rollout',
  namespace: 'shop',
  name: 'shop',
};

/** Everything may be changed while it is asked. */
export class FakeArgo {
  sync = 'Synced';
  revision = OURS;
  history: string[] = [OLD, OURS];
  health: string | undefined = 'Healthy';
  healthMessage = '';
  images: string[] = [STABLE_IMAGE, IMAGE];
  operation: object | undefined = { phase: 'Succeeded', syncResult: { revision: OURS } };
  source: string | undefined;
  nodes: object[] = [];
  rollout: RolloutFacts | undefined;
  /** What it does instead of answering. */
  fault: 'none' | 'down' | Reply = 'none';
  token = TOKEN;
  project = 'default';
  readonly asked: string[] = [];

  application(): object {
    return {
      metadata: { name: 'shop', namespace: 'argocd' },
      status: {
        sync: { status: this.sync, revision: this.revision },
        health: this.health === undefined ? {} : { status: this.health, message: this.healthMessage },
        operationState: this.operation,
        summary: { images: this.images },
        history: this.history.map((revision, id) => ({ id, revision })),
        resourceHealthSource: this.source,
      },
    };
  }

  answer(method: string, url: URL, authorization = ''): Reply {
    this.asked.push(`${method} ${url.pathname}${url.search}`);
    if (this.fault === 'down') throw new HttpError('connect', `${url.host}: connect ECONNREFUSED`);
    if (this.fault !== 'none') return this.fault;
    const json = (body: object, status = 200): Reply => ({
      status,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (method !== 'GET') return json({ code: 12, message: 'Method Not Allowed' }, 405);
    if (authorization !== `Bearer ${this.token}`) return json({ code: 16, message: 'invalid session' }, 401);
    const project = url.searchParams.get('project') ?? '';
    const [, name, rest = ''] = /^\/api\/v1\/applications\/([^/]+)(\/.*)?$/.exec(url.pathname) ?? [];
    if (name !== 'shop')
      return project === '' ? json({ message: 'permission denied' }, 403) : json({ message: 'not found' }, 404);
    if (project !== '' && project !== this.project) return json({ message: 'permission denied' }, 403);
    if (rest === '/resource-tree')
      return json({ nodes: this.rollout === undefined ? this.nodes : [rolloutNode, ...this.nodes] });
    if (rest === '/resource') return json({ manifest: JSON.stringify(rolloutJson(this.rollout ?? {})) });
    return rest === '' ? json(this.application()) : json({ message: 'not found' }, 404);
  }

  /** As a server; what `down` breaks off. */
  async listen(): Promise<{ url: string } & AsyncDisposable> {
    const server = createServer((req, res) => {
      try {
        const {
          status = 200,
          headers = {},
          body = '',
        } = this.answer(req.method ?? '', new URL(req.url ?? '/', 'http://127.0.0.1'), req.headers.authorization);
        res.writeHead(status, headers).end(body);
      } catch {
        res.destroy();
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise<void>((done) => server.close(() => done()));
      },
    };
  }
}

export const ARGO_INPUTS = {
  'argocd-url': 'http://127.0.0.9/',
  'argocd-app': 'shop',
  'argocd-token': TOKEN,
  'argocd-revision': OURS,
  image: IMAGE,
};

/** A stable and a canary pod under the load that `load` says, and an Argo CD; time passes in sleeps alone. */
export class Town {
  readonly argo = new FakeArgo();
  readonly stable = new Pod(1);
  readonly canary = new Pod(2);
  readonly clock: ReturnType<typeof steppingClock>;
  readonly openHttp: () => Http;
  /** Share of the canary. */
  share = 0.2;
  rate = 100;
  errors = 0;

  /** @param onStep told of every sleep, before the sleeper wakes; `seconds` since the start */
  constructor(onStep: (town: Town, seconds: number) => void = () => {}) {
    let passed = 0;
    const clock = steppingClock(undefined, (seconds) => {
      passed += seconds;
      this.stable.run(seconds, { rate: this.rate * (1 - this.share) });
      this.canary.run(seconds, { rate: this.rate * this.share, errors: this.errors });
      onStep(this, passed);
    });
    // What goes on beside the sleeper is done before time passes, as it would be in seconds that are real.
    const settled = async (): Promise<void> => {
      for (let i = 0; i < 5; i += 1) await new Promise((done) => setImmediate(done));
    };
    this.clock = { ...clock, sleep: (seconds, signal) => settled().then(() => clock.sleep(seconds, signal)) };
    this.openHttp = memoryHttp(({ method, url, headers }) => {
      if (url.hostname === '127.0.0.9') return this.argo.answer(method, url, headers?.authorization);
      const pod = { '127.0.0.1': this.stable, '127.0.0.2': this.canary }[url.hostname];
      if (pod === undefined || pod.fault === 'down') throw new HttpError('connect', `${url.host}: ECONNREFUSED`);
      return { headers: { 'content-type': 'text/plain; version=0.0.4' }, body: pod.page() };
    });
  }

  readonly targets = { 'stable-targets': podUrl(1), 'canary-targets': podUrl(2) };
}
