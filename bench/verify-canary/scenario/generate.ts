/** Traces of made rollouts: the lines that a source would have written, as the judge reads them. */
import type { Arm, Interval, LatencyArm, TraceLine } from '../../../src/verify-canary/core/index.ts';
import { binomial, negativeBinomial, normal, poisson } from './draws.ts';
import type { Random } from './random.ts';
import { BOUNDS, CPU_PER_REQUEST, IDLE_CORES, type Scenario, STABLE_PODS } from './scenario.ts';

interface ArmCounts {
  n: number;
  e: number;
  over: [number, number, number];
  x: number;
}

/** ln of a wobbling rate, from reading to reading. */
const WOBBLE = { keep: 0.9, spread: 0.25 };
/** A day in fast motion, so that a rollout sees all of it. */
const DAY = 2400;
const INCIDENT = { from: 900, to: 1200, rate: 0.2 };
/** Share of a step's first requests that newborn counters have not counted. */
const YOUNG_LOST = 0.3;

/** @returns the lines of a whole rollout, a `run` event at each step's begin; the first interval starts at 0 */
export function generate(s: Scenario, random: Random): TraceLine[] {
  const lines: TraceLine[] = [];
  const cpu: [number, number] = [0, 0];
  let log = 0;
  let start = 0;
  for (const { weight, seconds } of s.steps) {
    lines.push({ v: 1, type: 'event', at: start, event: 'run' });
    const end = start + seconds;
    for (let first = true; start < end; first = false) {
      let stop = Math.min(end, start + s.interval);
      let stretched = false;
      while (stop < end && random.uniform() < s.missed) {
        stop = Math.min(end, stop + s.interval);
        stretched = true;
      }
      log = s.path === 'wobble' ? WOBBLE.keep * log + WOBBLE.spread * normal(random) : 0;
      for (const i of [0, 1] as const)
        cpu[i] = s.cpuMemory * cpu[i] + s.cpuSpread * Math.sqrt(1 - s.cpuMemory ** 2) * normal(random);
      const line = interval(s, random, { weight, start, end: stop, first, log, cpu });
      lines.push(stretched && line.gap === undefined ? { ...line, flags: ['stretched'] } : line);
      start = stop;
    }
  }
  return lines;
}

interface Moment {
  weight: number;
  start: number;
  end: number;
  /** First of its step. */
  first: boolean;
  /** ln of the wobble. */
  log: number;
  cpu: readonly [number, number];
}

function interval(s: Scenario, random: Random, m: Moment): Interval {
  const head = { v: 1 as const, step: String(m.weight), weight: m.weight, start: m.start, end: m.end };
  const seconds = m.end - m.start;
  const [n0, n1] = split(s, random, m.weight, seconds);
  const bad = active(s, m);
  const p0 = Math.min(1, baseRate(s, m));
  const warm = m.start < s.warmupSeconds ? s.warmupPenalty : 1;
  const p1 = !bad ? p0 : s.effect.outage ? 1 : p0 * s.effect.errors + s.effect.extra;
  const slow1 = slowShares(s, bad).map((q) => Math.min(1, q * warm)) as [number, number, number];
  const stable = draw(s, random, n0, seen(s, p0), s.slow);
  const canary = s.badPod === 1 ? draw(s, random, n1, seen(s, p1 * warm), slow1) : badPod(s, random, n1, p1, slow1);
  const factor = bad ? s.effect.cpu : 1;
  stable.x = n0 * CPU_PER_REQUEST * Math.exp(m.cpu[0]) + IDLE_CORES * STABLE_PODS * seconds;
  canary.x = n1 * CPU_PER_REQUEST * factor * Math.exp(m.cpu[1]) + IDLE_CORES * s.pods * seconds;
  if (random.uniform() < s.gap) return { ...head, gap: 'query-error' };
  if (s.young && m.first) keep(random, canary, 1 - YOUNG_LOST);
  let restarted = false;
  for (const arm of [stable, canary]) {
    if (random.uniform() >= s.reset) continue;
    keep(random, arm, random.uniform());
    restarted = true;
  }
  const line = write(head, s, stable, canary);
  return restarted ? { ...line, flags: ['restart'] } : line;
}

function split(s: Scenario, random: Random, weight: number, seconds: number): [number, number] {
  const odds = (s.shareOdds * weight) / (100 - weight);
  const connections = poisson(random, (s.rate * seconds) / s.sticky);
  const canary = binomial(random, connections, odds / (1 + odds));
  return [(connections - canary) * s.sticky, canary * s.sticky];
}

function active(s: Scenario, m: Moment): boolean {
  const { onset } = s;
  if (onset.kind === 'late') return m.start >= onset.after;
  if (onset.kind === 'step') return m.weight >= onset.weight;
  return onset.kind === 'start' || m.start % onset.period < onset.on;
}

function baseRate(s: Scenario, m: Moment): number {
  switch (s.path) {
    case 'flat':
      return s.base;
    case 'wobble':
      return s.base * Math.exp(m.log);
    case 'diurnal':
      return s.base * (1 + 0.8 * Math.sin((2 * Math.PI * m.start) / DAY));
    case 'falling':
      return s.base * Math.exp(-m.start / 600);
    case 'incident':
      return m.start >= INCIDENT.from && m.start < INCIDENT.to ? INCIDENT.rate : s.base;
  }
}

/** What is left of a failure rate behind a proxy that tries again. */
function seen(s: Scenario, p: number): number {
  return Math.min(1, p) ** (1 + s.retries);
}

function slowShares(s: Scenario, bad: boolean): [number, number, number] {
  const [a, b, c] = s.slow;
  const { latency } = s.effect;
  if (!bad || latency.shape === 'none') return [a, b, c];
  if (latency.shape === 'bimodal') return [a + latency.share, b + latency.share, c];
  if (latency.shape === 'shift') return [a * latency.factor, b * latency.factor, c * latency.factor];
  const slowest = c * latency.factor;
  return [Math.max(a, slowest), Math.max(b, slowest), slowest];
}

function draw(s: Scenario, random: Random, n: number, p: number, slow: readonly number[]): ArmCounts {
  const [a, b, c] = slow as [number, number, number];
  const over0 = events(s, random, n, a);
  const over1 = binomial(random, over0, Math.min(1, b / a));
  const over2 = binomial(random, over1, Math.min(1, c / b));
  return { n, e: events(s, random, n, p), over: [over0, over1, over2], x: 0 };
}

function events(s: Scenario, random: Random, n: number, p: number): number {
  if (s.batch === 1) return binomial(random, n, p);
  if (s.burst === 'random') return Math.min(n, negativeBinomial(random, n * p, s.batch));
  return s.batch * binomial(random, Math.floor(n / s.batch), p);
}

function badPod(s: Scenario, random: Random, n: number, p: number, slow: readonly number[]): ArmCounts {
  const there = binomial(random, n, 1 / s.pods);
  const one = draw(s, random, there, seen(s, p * s.badPod), slow);
  const rest = draw(s, random, n - there, seen(s, p), slow);
  const over = rest.over.map((count, i) => count + (one.over[i] ?? 0)) as [number, number, number];
  return { n, e: one.e + rest.e, over, x: 0 };
}

/** Each request is still counted with probability p, whatever became of it. */
function keep(random: Random, arm: ArmCounts, p: number): void {
  const failed = binomial(random, Math.min(arm.e, arm.n), p);
  arm.n = failed + binomial(random, arm.n - Math.min(arm.e, arm.n), p);
  arm.e = failed;
  // A slow request is one of those that are left, or it is not.
  let most = arm.n;
  arm.over = arm.over.map((count) => {
    most = Math.min(most, binomial(random, count, p));
    return most;
  }) as [number, number, number];
  arm.x *= p;
}

function write(
  head: Pick<Interval, 'v' | 'step' | 'weight' | 'start' | 'end'>,
  s: Scenario,
  stable: ArmCounts,
  canary: ArmCounts,
): Interval {
  const times = s.duplicates;
  const pair = (make: (arm: ArmCounts, pods: number) => Arm): { stable: Arm; canary: Arm } => ({
    stable: make(stable, STABLE_PODS),
    canary: make(canary, s.pods),
  });
  return {
    ...head,
    traffic: { stable: stable.n * times, canary: canary.n * times },
    metrics: {
      errors: pair(({ n, e }) => ({ n: n * times, e: e * times })),
      latency: pair((arm) => latency(arm, times)),
      cpu: pair(({ n, x }, pods) => ({ n: n * times, x: x * times, pods })),
    },
  };
}

function latency({ n, over }: ArmCounts, times: number): LatencyArm {
  const le: Record<string, number> = {};
  for (const [i, bound] of BOUNDS.entries()) le[bound] = (n - (over[i] ?? 0)) * times;
  return { n: n * times, le };
}
