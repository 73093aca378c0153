/**
 * Seeded rollouts, run in worker threads: jest's own contexts make the same arithmetic several times slower.
 * A scenario is one rollout; its number is what the test counts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { JudgeConfigInput, MetricInput, Status } from '../../../src/verify-canary/core/index.ts';
import { random } from '../support/pod.ts';
import { FLEET, type Fleet, fleet } from './fleet.ts';
import { binomial, cpu, type Metrics, plainConfig, Rollout, ratio } from './support.ts';

type Random = () => number;
const WEIGHTS = [5, 10, 25, 50];
const endless = WEIGHTS.map((weight) => ({ weight, min: 1e9, max: 1e9 }));
const guard = plainConfig({ share: { mode: 'observe' }, steps: endless }, { pass: 'none' });
const failed = (status: Status): number => (status.verdict === 'fail' ? 1 : 0);

/** Requests and events of one interval. */
function draw(next: Random, n0: number, n1: number, p0: number, p1: number): [number, number, number, number] {
  return [n0, n1, binomial(next, n0, p0), binomial(next, n1, p1)];
}

/** No difference, tested at RR = 1 exactly; base rate and weight are never the same twice. */
function wandering(next: Random): number {
  const metrics = [{ name: 'errors', kind: 'ratio' as const, pass: 'none' as const, fail: { ratio: 1, floor: 0 } }];
  const rollout = new Rollout({ ...guard, metrics });
  let log = Math.log(0.02);
  for (let i = 0; i < 40; i += 1) {
    log = Math.min(-1, log + next() - 0.5);
    rollout.weight = 1 + Math.floor(next() * 98);
    const total = 200 + Math.floor(next() * 800);
    const n1 = Math.round((total * rollout.weight) / 100);
    const p = Math.exp(log);
    const status = rollout.line({ metrics: { errors: ratio(...draw(next, total - n1, n1, p, p)) } });
    if (status.done) return failed(status);
  }
  return 0;
}

/** Canary requests that fail from the onset of RR = 5 to the verdict. */
function lateOnset(next: Random, minutes: number): number {
  const rollout = new Rollout(guard);
  let [lost, status] = [0, null as Status | null];
  for (let i = 0; status?.done !== true && lost < 1000; i += 1) {
    const [n0, n1, e0, e1] = draw(next, 1900, 100, 0.01, i < minutes ? 0.01 : 0.05);
    status = rollout.line({ metrics: { errors: ratio(n0, n1, e0, e1) } });
    if (i >= minutes) lost += e1;
  }
  return lost;
}

/** Whether a share that is off by a factor of the odds ends in a hold. */
function share(next: Random, odds: number, batch: number, phi: number): number {
  const rollout = new Rollout(plainConfig({ share: { phi }, steps: [{ weight: 20, min: 1e9, max: 1e9 }] }));
  rollout.to(20);
  const wrong = (odds * 20) / 80;
  for (let i = 0; i < 20; i += 1) {
    const batches = Math.round(250 / batch);
    const canary = binomial(next, batches, wrong / (1 + wrong)) * batch;
    const status = rollout.line({ traffic: { stable: batches * batch - canary, canary } });
    if (status.done) return status.verdict === 'hold' ? 1 : 0;
  }
  return 0;
}

const ten: MetricInput[] = [
  ...Array.from({ length: 8 }, (_, i) => ({ name: `errors-${i}`, kind: 'ratio' as const })),
  { name: 'latency', kind: 'latency', le: [0.1, 0.5], phi: 1 },
  { name: 'cpu', kind: 'cpu' },
].map((m) => ({ ...m, pass: 'none', fail: { floor: 0 } }) as MetricInput);

/** Four steps, ten metrics, each exactly as bad as is still allowed. @param incident minutes at 40 times the rate */
function nullEdge(next: Random, incident: number): number {
  const rollout = new Rollout({ ...guard, metrics: ten });
  const begin = Math.floor(next() * 40);
  for (let minute = 0; minute < 48; minute += 1) {
    rollout.to(WEIGHTS[Math.floor(minute / 12)] ?? 50);
    const n1 = 10 * (rollout.weight ?? 0);
    const n0 = 1000 - n1;
    const p = minute >= begin && minute < begin + incident ? 0.2 : 0.005;
    const metrics: Metrics = {};
    for (let i = 0; i < 8; i += 1) metrics[`errors-${i}`] = ratio(...draw(next, n0, n1, p, 1.25 * p));
    const [slow0, slow1] = [binomial(next, n0, 2 * p), binomial(next, n1, 2.5 * p)];
    const [slower0, slower1] = [binomial(next, slow0, 0.5), binomial(next, slow1, 0.5)];
    metrics.latency = {
      stable: { n: n0, le: { '0.1': n0 - slow0, '0.5': n0 - slower0 } },
      canary: { n: n1, le: { '0.1': n1 - slow1, '0.5': n1 - slower1 } },
    };
    // D is as often above 0 as below.
    const x0 = n0 * 0.004;
    metrics.cpu = cpu(n0, n1, x0, 1.2 * (n1 / n0) * x0 + 0.02 * 60 + (next() - 0.5), 1);
    const status = rollout.line({ metrics });
    if (status.done) return failed(status);
  }
  return 0;
}

/** Whether a canary at the margin, and with an objective at the edge of that too, is passed within a step. */
function passEdge(next: Random, slo: number): number {
  const metric: MetricInput = {
    name: 'errors',
    kind: 'ratio',
    pass: 3,
    fail: { ratio: 50 },
    ...(slo > 0 ? { slo } : {}),
  };
  const rollout = new Rollout({ ...plainConfig(), metrics: [metric], steps: [{ weight: 5, min: 0, max: 1e9 }] });
  const p1 = slo > 0 ? slo : 0.06;
  for (let i = 0; i < 40; i += 1) {
    const [n0, n1, e0, e1] = draw(next, 1900, 100, p1 / 3, p1);
    const status = rollout.line({ metrics: { errors: ratio(n0, n1, e0, e1) } });
    if (status.done) return status.verdict === 'pass' ? 1 : 0;
  }
  return 0;
}

const service: JudgeConfigInput = {
  metrics: [
    { name: 'errors', kind: 'ratio', slo: 0.01, weight: 4 },
    { name: 'latency', kind: 'latency', le: [0.25, 0.5], slo: { le: 0.5, max: 0.05 }, weight: 3 },
    { name: 'cpu', kind: 'cpu' },
  ],
  steps: [{ weight: 5 }, { weight: 10 }, { weight: 25, max: 1800 }, { weight: 50, max: 1800 }],
};

/** A quarter of a minute of the service: independent requests, as many to the canary as its weight makes likely. */
function quarter(next: Random, rollout: Rollout, rate: number, p0: number, p1: number): Status {
  const total = rate * 15;
  const n1 = binomial(next, total, (rollout.weight ?? 0) / 100);
  const n0 = total - n1;
  const latency = (n: number) => {
    const slow = binomial(next, n, 0.05);
    return { n, le: { '0.25': n - slow, '0.5': n - binomial(next, slow, 0.2) } };
  };
  const noisy = (n: number, pods: number): number => n * 0.004 * (0.9 + 0.2 * next()) + 15 * 0.02 * pods;
  return rollout.line({
    metrics: {
      errors: ratio(...draw(next, n0, n1, p0, p1)),
      latency: { stable: latency(n0), canary: latency(n1) },
      cpu: cpu(n0, n1, noisy(n0, 3), noisy(n1, 1)),
    },
  });
}

/** Intervals after warm-up until a canary that answers nothing is failed. */
function outage(next: Random): number {
  const rollout = new Rollout(service);
  rollout.seconds = 15;
  for (let i = 1; i <= 100; i += 1) {
    if (quarter(next, rollout, 8, 0.004, 1).verdict === 'fail') return i - 4;
  }
  return 100;
}

/** Steps that a healthy canary passes. */
function healthy(next: Random): number {
  const rollout = new Rollout(service);
  rollout.seconds = 15;
  for (const [passed, weight] of WEIGHTS.entries()) {
    rollout.to(weight);
    let status = quarter(next, rollout, 400, 0.004, 0.004);
    while (!status.done) status = quarter(next, rollout, 400, 0.004, 0.004);
    if (status.verdict !== 'pass') return passed;
  }
  return WEIGHTS.length;
}

/** Minutes from the onset of doubled errors to the fail; the rollout went on to 50 % in ten good minutes. */
function doubled(next: Random): number {
  const slow = WEIGHTS.map((weight) => ({ weight, min: weight === 50 ? 1e9 : 120, max: 1e9 }));
  const rollout = new Rollout({ ...service, steps: slow });
  rollout.seconds = 15;
  for (let i = 0; i < 40; i += 1) {
    const { verdict } = quarter(next, rollout, 400, 0.004, 0.004);
    if (verdict === 'pass') rollout.to(WEIGHTS[WEIGHTS.indexOf(rollout.weight ?? 0) + 1] ?? 50);
  }
  for (let i = 1; i <= 120; i += 1) {
    const { verdict } = quarter(next, rollout, 400, 0.004, 0.008);
    if (verdict === 'fail') return i / 4;
    if (verdict === 'pass') rollout.to(WEIGHTS[WEIGHTS.indexOf(rollout.weight ?? 0) + 1] ?? 50);
  }
  return Number.POSITIVE_INFINITY;
}

/** 1 when a rollout of pods ends for the reason; the rest are fields of {@link Fleet}. */
const ends =
  (reason: string, more: Partial<Fleet>) =>
  (next: Random, ...args: number[]): number => {
    const [ratio = 1, canary = 2, requests = 200, wander = 0] = args;
    return fleet(next, { ...FLEET, ...more, ratio, canary, requests, wander }) === reason ? 1 : 0;
  };
const batches = (phi: number | 'auto') => ends('worse:errors', { batch: 5, phi });
const fleets = {
  burstsMeasured: batches('auto'),
  burstsUnknown: ends('noisy-baseline', { batch: 5, ratio: 1 }),
  calmNoise: ends('noisy-baseline', {}),
  allPods: ends('worse:errors', {}),
  allPodsHeld: ends('single-pod', {}),
  onePod: ends('single-pod', { bad: 10 }),
  earlier: ends('worse:errors', { mode: 'before-after', phi: 'auto' }),
};

const scenarios = { wandering, lateOnset, share, nullEdge, passEdge, outage, healthy, doubled, ...fleets };
export type Scenario = keyof typeof scenarios;
export interface Task {
  scenario: Scenario;
  args: readonly number[];
  from: number;
  to: number;
}

function runTask({ scenario, args, from, to }: Task): number[] {
  const run: (next: Random, ...args: number[]) => number = scenarios[scenario];
  return Array.from({ length: to - from }, (_, i) => run(random(from + i), ...args));
}

parentPort?.postMessage(runTask(workerData as Task));
