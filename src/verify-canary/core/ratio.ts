/**
 * Sequential evidence about the rate ratio RR of canary and stable.
 *
 * Per interval, with exposures n0, n1 and events e0, e1 (stable, canary), rho = n1/(n0+n1) and d = ln RR:
 *
 *     l(d | d0) = [ e1 (d - d0) - (e0+e1) (log1p(rho expm1(d)) - log1p(rho expm1(d0))) ] / phi
 *
 * Why it is valid at any look: let c = (1-rho+rho e^d)/(1-rho+rho e^d0). With independent requests exp(l) has mean
 * Π(1-p0+p0/c) · Π(1-p1+p1 e^(d-d0)/c); with 1+x <= e^x this is at most exp of n0 p0 (1/c-1) + n1 p1 (e^(d-d0)/c - 1), which
 * is 0 when p1 = p0 e^d0. For d > d0 the canary's factor grows with p1 (falls for d < d0), so the mean is <= 1 for every p1
 * on the null's side. Hence products over intervals, mixtures over d and mixtures over start times are nonnegative
 * supermartingales, and P(ever >= 1/a) <= a (Ville). It holds for any path of base rate and weight. It assumes requests that
 * are independent given the past: bursts are what phi, their variance-to-mean ratio, is for.
 */
import { GRID, logAddExp, logSumExp } from './log.ts';

export interface Process {
  /** One interval. Without requests on either side, or without events, it says nothing. */
  add(n0: number, n1: number, e0: number, e1: number): void;
  /** Puts a little of the unspent stake on a regression that starts now. */
  inject(): void;
  logE(): number;
  /** Sums of the mixture without their prior, for {@link eta}. */
  sums(): Float64Array;
}

const SIZE = GRID.length;
const LN_SIZE = Math.log(SIZE);

/**
 * The terms that depend on rho alone. All bounds of a latency metric share rho, so they share these; they are computed
 * again only when rho changes.
 * @param sign +1: effects above d0 (fail), -1: below (pass)
 */
export function createTerms(d0: number, sign: 1 | -1): (rho: number) => Float64Array {
  const terms = new Float64Array(SIZE);
  const effects = Float64Array.from(GRID, (g) => Math.expm1(d0 + sign * g));
  const edge = Math.expm1(d0);
  let last = Number.NaN;
  return (rho) => {
    if (rho === last) return terms;
    last = rho;
    const base = Math.log1p(rho * edge);
    for (let i = 0; i < SIZE; i += 1) terms[i] = Math.log1p(rho * (effects[i] ?? 0)) - base;
    return terms;
  };
}

export function clampRho(n0: number, n1: number): number {
  return Math.min(1 - 1e-9, Math.max(1e-9, n1 / (n0 + n1)));
}

const START_SHARE = 0.8;
/** Two hours of restarts, one a minute. */
const RESTARTS = 120;

/**
 * Evidence that the canary is worse: H0 is RR <= e^d0 in every interval.
 *
 * A plain mixture must first win back what good behaviour has lost, so that the longer a canary was healthy the later its
 * regression is seen. A fifth of the stake is therefore kept and put on later starts, minute by minute; that bounds the
 * price at about twice an immediate onset, for 0.22 nats.
 */
export function failProcess(d0: number, phi: number, terms = createTerms(d0, 1), restarts = true): Process {
  const state = new Float64Array(SIZE).fill(Math.log((restarts ? START_SHARE : 1) / SIZE));
  let cash = restarts ? 1 - START_SHARE : 0;
  let sum: number | null = null;
  return {
    add(n0, n1, e0, e1) {
      if (addInterval(state, terms, 1, phi, n0, n1, e0, e1)) sum = null;
    },
    inject() {
      if (cash <= 1e-12) return;
      sum = null;
      const stake = Math.min((1 - START_SHARE) / RESTARTS, cash);
      cash -= stake;
      const log = Math.log(stake / SIZE);
      for (let i = 0; i < SIZE; i += 1) state[i] = logAddExp(state[i] ?? 0, log);
    },
    // Asked several times a line: summed once.
    logE() {
      sum ??= logAddExp(logSumExp(state), cash > 0 ? Math.log(cash) : Number.NEGATIVE_INFINITY);
      return sum;
    },
    sums: () => state.map((s) => s + LN_SIZE),
  };
}

/** Evidence that the canary is not worse than the margin: H0 is RR >= e^dP in every interval of the step. */
export function passProcess(dP: number, phi: number, terms = createTerms(dP, -1)): Process {
  const state = new Float64Array(SIZE).fill(-LN_SIZE);
  let sum: number | null = null;
  return {
    add(n0, n1, e0, e1) {
      if (addInterval(state, terms, -1, phi, n0, n1, e0, e1)) sum = null;
    },
    inject: () => {},
    logE() {
      sum ??= logSumExp(state);
      return sum;
    },
    sums: () => state.map((s) => s + LN_SIZE),
  };
}

/** @returns whether the state changed */
function addInterval(
  state: Float64Array,
  terms: (rho: number) => Float64Array,
  sign: 1 | -1,
  phi: number,
  n0: number,
  n1: number,
  e0: number,
  e1: number,
): boolean {
  if (n0 <= 0 || n1 <= 0 || e0 + e1 <= 0) return false;
  const table = terms(clampRho(Math.max(n0, e0), Math.max(n1, e1)));
  const events = e0 + e1;
  for (let i = 0; i < SIZE; i += 1) {
    state[i] = (state[i] ?? 0) + (e1 * sign * (GRID[i] ?? 0) - events * (table[i] ?? 0)) / phi;
  }
  return true;
}
