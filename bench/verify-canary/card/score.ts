/** From tallies to figures: rates with exact intervals, quantiles, promises kept or not. */
import { logGamma } from '../zoo/stats.ts';
import type { Cell, Promise_, Truth } from './cell.ts';
import type { Tally } from './work.ts';

export interface Rate {
  rate: number;
  /** 95 % interval of Clopper and Pearson. */
  low: number;
  high: number;
}

export interface Score {
  judge: string;
  rollouts: number;
  failed: Rate;
  /** Failed before anything was wrong with the canary. */
  early: Rate;
  held: Rate;
  promoted: Rate;
  /** Seconds from the onset to the fail, over all rollouts; null: that many never failed. */
  median: number | null;
  p95: number | null;
  /** Requests that failed or were slow, the mean of a rollout. */
  harmed: number;
  firstFailed: readonly number[];
  firstPromoted: readonly number[];
}

export function score(judge: string, truth: Truth, tally: Tally): Score {
  const { rollouts } = tally;
  const worse = truth === 'worse';
  const of = (count: number): Rate => rateOf(count, rollouts);
  const sorted = [...tally.delays].sort((a, b) => a - b);
  const quantile = (q: number): number | null =>
    worse ? (sorted[Math.max(0, Math.ceil(q * (rollouts - tally.early)) - 1)] ?? null) : null;
  return {
    judge,
    rollouts,
    failed: of(worse ? tally.failed - tally.early : tally.failed),
    early: of(worse ? tally.early : 0),
    held: of(tally.held),
    promoted: of(tally.promoted),
    median: quantile(0.5),
    p95: quantile(0.95),
    harmed: tally.harmed / rollouts,
    firstFailed: tally.firstFailed,
    firstPromoted: tally.firstPromoted,
  };
}

export interface Kept {
  cell: string;
  promise: Promise_;
  measured: number | null;
  interval: Rate | null;
  kept: boolean;
}

/** A share keeps its promise when it is within three standard errors of it; seconds must be as promised. */
export function keep(cell: Cell, own: Score): Kept[] {
  return cell.promises.map((promise) => {
    const { what, limit } = promise;
    if (what === 'median-delay' || what === 'p95-delay') {
      const measured = what === 'median-delay' ? own.median : own.p95;
      return { cell: cell.name, promise, measured, interval: null, kept: measured !== null && measured <= limit };
    }
    const slack = 3 * Math.sqrt((limit * (1 - limit)) / own.rollouts);
    const interval = {
      'false-rollback': own.failed,
      power: own.failed,
      'false-pass': own.promoted,
      promoted: own.promoted,
      held: own.held,
    }[what];
    const atLeast = what === 'power' || what === 'promoted';
    const kept = atLeast ? interval.rate >= limit - slack : interval.rate <= limit + slack;
    return { cell: cell.name, promise, measured: interval.rate, interval, kept };
  });
}

/** Share of k among n with its exact 95 % interval. */
export function rateOf(k: number, n: number): Rate {
  const side = 0.025;
  return {
    rate: k / n,
    low: k === 0 ? 0 : solve((p) => incompleteBeta(p, k, n - k + 1) >= side),
    high: k === n ? 1 : solve((p) => incompleteBeta(p, k + 1, n - k) >= 1 - side),
  };
}

/** The smallest p that holds, by bisection. */
function solve(holds: (p: number) => boolean): number {
  let [no, yes] = [0, 1];
  for (let i = 0; i < 60; i += 1) {
    const middle = (no + yes) / 2;
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return (no + yes) / 2;
}

/** Regularized: the probability that a Beta(a, b) number is below x. Lentz' continued fraction. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const tiny = 1e-300;
  const away = (v: number): number => (Math.abs(v) < tiny ? tiny : v);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  const front = a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b);
  return (Math.exp(front) * fraction) / a;
}
