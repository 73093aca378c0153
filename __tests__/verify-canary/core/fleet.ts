/** Seeded rollouts pod by pod: bursts, one bad pod, and the stable version of before as the only one to compare with. */
import type { PodCounts, Reason, RolloutMode, Status } from '../../../src/verify-canary/core/index.ts';
import { binomial, Rollout } from './support.ts';

type Random = () => number;

export interface Fleet {
  /** Requests of a pod in an interval, on average. */
  requests: number;
  rate: number;
  ratio: number;
  stable: number;
  canary: number;
  /** Factor on the rate of the first canary pod. */
  bad: number;
  /** Mean size of the batches that events come in, sizes geometric; 1: one by one. */
  batch: number;
  phi: number | 'auto';
  mode: RolloutMode;
  /** Both versions' rate goes up and down by up to this much, on the ln scale. */
  wander: number;
  /** Intervals with the canary. */
  length: number;
}

export const FLEET: Fleet = {
  requests: 200,
  rate: 0.01,
  ratio: 1,
  stable: 4,
  canary: 2,
  bad: 1,
  batch: 1,
  phi: 1,
  mode: 'concurrent',
  wander: 0,
  length: 80,
};

type Pods = Record<string, PodCounts>;

/** How one rollout ends, after half an hour of the stable version alone; `trace-ended` without a verdict. */
export function fleet(next: Random, f: Fleet): Reason {
  const weight = f.mode === 'concurrent' ? 25 : 100;
  const rollout = new Rollout({
    warmup: 0,
    settle: 0,
    share: { mode: 'observe' },
    metrics: [{ name: 'errors', kind: 'ratio', pass: 'none', phi: f.phi, fail: { floor: 0 } }],
    steps: [{ weight, min: 1e9, max: 1e9 }],
    mode: f.mode,
  });
  rollout.seconds = 15;
  const pods = (name: string, count: number, rate: (i: number) => number): Pods =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => {
        const n = Math.round(f.requests * (0.7 + 0.6 * next()));
        return [`${name}-${i}`, { errors: { n, e: events(next, n, rate(i), f.batch) } }];
      }),
    );
  const line = (stable: Pods, canary: Pods): Status => {
    const [s, c] = [sum(stable), sum(canary)];
    const metrics = { errors: { stable: s.n > 0 ? s : null, canary: c.n > 0 ? c : null } };
    return rollout.line({ traffic: { stable: s.n, canary: c.n }, metrics, pods: { stable, canary } });
  };
  const now = (): number => f.rate * Math.exp(f.wander * (2 * next() - 1));
  rollout.step = null;
  rollout.weight = 0;
  for (let i = 0; i < 120; i += 1) {
    const rate = now();
    line(
      pods('stable', f.stable, () => rate),
      {},
    );
  }
  rollout.to(weight);
  for (let i = 0; i < f.length; i += 1) {
    const rate = now();
    const stable = f.mode === 'concurrent' ? pods('stable', f.stable, () => rate) : {};
    const bad = (pod: number): number => Math.min(1, rate * f.ratio * (pod === 0 ? f.bad : 1));
    const status = line(stable, pods('canary', f.canary, bad));
    if (status.reason !== null) return status.reason;
  }
  return rollout.judge.verdict().reason;
}

function events(next: Random, n: number, rate: number, batch: number): number {
  let e = 0;
  for (let batches = binomial(next, n, rate / batch); batches > 0; batches -= 1) {
    e += 1;
    if (batch > 1) e += Math.floor(Math.log(1 - next()) / Math.log(1 - 1 / batch));
  }
  return e;
}

function sum(pods: Pods): { n: number; e: number } {
  const total = { n: 0, e: 0 };
  for (const { errors } of Object.values(pods)) {
    total.n += errors?.n ?? 0;
    total.e += errors?.e ?? 0;
  }
  return total;
}
