/** The interval of the rate ratio that reports show. It decides nothing; it is valid at all times for a constant ratio. */
import { CI_GRID, logSumExp } from './log.ts';
import { clampRho } from './ratio.ts';

export interface Counts {
  n0: number;
  n1: number;
  e0: number;
  e1: number;
}

export interface RatioInterval {
  /** null: no events, or events on the canary only. */
  ratio: number | null;
  low: number | null;
  /** null: unbounded. */
  high: number | null;
}

const EDGE = 12;

/** @param level 0.05 for a 95 % interval */
export function ratioInterval(intervals: readonly Counts[], level: number, phi = 1): RatioInterval {
  const used = intervals.filter((i) => i.n0 > 0 && i.n1 > 0 && i.e0 + i.e1 > 0);
  const events = used.reduce((sum, i) => sum + i.e1, 0);
  const terms = used.map((i) => ({
    rho: clampRho(Math.max(i.n0, i.e0), Math.max(i.n1, i.e1)),
    all: i.e0 + i.e1,
  }));
  if (terms.length === 0) return { ratio: null, low: null, high: null };
  // l(d | 0) summed; its second part is 0 at d0 = 0.
  const likelihood = (d: number): number => {
    const drop = Math.expm1(d);
    let sum = events * d;
    for (const t of terms) sum -= t.all * Math.log1p(t.rho * drop);
    return sum / phi;
  };
  const bound = logSumExp(CI_GRID.map(likelihood)) - Math.log(CI_GRID.length) - Math.log(1 / level);
  const top = maximum(likelihood);
  const inside = (d: number): boolean => likelihood(d) >= bound;
  return {
    ratio: top > EDGE - 1e-6 ? null : top < 1e-6 - EDGE ? 0 : Math.exp(top),
    low: inside(-EDGE) ? 0 : Math.exp(bisect(inside, top, -EDGE)),
    high: inside(EDGE) ? null : Math.exp(bisect(inside, top, EDGE)),
  };
}

/** Ternary search; the likelihood is concave. */
function maximum(f: (d: number) => number): number {
  let [low, high] = [-EDGE, EDGE];
  while (high - low > 1e-9) {
    const third = (high - low) / 3;
    if (f(low + third) < f(high - third)) low += third;
    else high -= third;
  }
  return (low + high) / 2;
}

/** The border between `yes` (inside) and `no` (outside), to 1e-9. */
function bisect(inside: (d: number) => boolean, from: number, to: number): number {
  let [yes, no] = [from, to];
  while (Math.abs(yes - no) > 1e-9) {
    const middle = (yes + no) / 2;
    if (inside(middle)) yes = middle;
    else no = middle;
  }
  return (yes + no) / 2;
}
