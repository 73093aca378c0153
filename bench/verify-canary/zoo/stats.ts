/** The textbook statistics that the models use. */

/** Upper tail of the standard normal distribution; continued fraction and series of erfc, relative error below 1e-12. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k += 1) {
      term *= (z * z) / (2 * k + 1);
      sum += term;
    }
    return z === 0 ? 0.5 : 0.5 - density(z) * sum;
  }
  let fraction = z;
  for (let k = 80; k >= 1; k -= 1) fraction = z + k / fraction;
  return density(z) / fraction;
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

export interface Ranked {
  /** Pairs (x, y) with x > y, ties counting half. */
  u: number;
  /** Standard deviation of U without a difference, corrected for ties. */
  sigma: number;
}

/** Mann and Whitney's U with midranks. */
export function rankSum(x: readonly number[], y: readonly number[]): Ranked {
  const [m, n] = [x.length, y.length];
  const all = [...x.map((value) => ({ value, own: true })), ...y.map((value) => ({ value, own: false }))];
  all.sort((a, b) => a.value - b.value);
  let ranks = 0;
  let ties = 0;
  for (let i = 0; i < all.length; ) {
    let stop = i;
    let own = 0;
    while (stop < all.length && all[stop]?.value === all[i]?.value) {
      if (all[stop]?.own) own += 1;
      stop += 1;
    }
    const size = stop - i;
    ranks += own * (i + (size + 1) / 2);
    ties += size ** 3 - size;
    i = stop;
  }
  return { u: ranks - (m * (m + 1)) / 2, sigma: sigmaOf(m, n, ties) };
}

function sigmaOf(m: number, n: number, ties: number): number {
  const all = m + n;
  if (all < 2) return 0;
  return Math.sqrt(Math.max(0, ((m * n) / 12) * (all + 1 - ties / (all * (all - 1)))));
}

/** Two-sided p of the Mann-Whitney test by the normal approximation, with tie and continuity correction. All equal: 1. */
export function mannWhitney(x: readonly number[], y: readonly number[]): number {
  const { u, sigma } = rankSum(x, y);
  if (sigma === 0) return 1;
  const off = u - (x.length * y.length) / 2;
  return Math.min(1, 2 * normalTail(Math.max(0, Math.abs(off) - 0.5) / sigma));
}

export interface Shift {
  /** Hodges and Lehmann: the median of all differences x - y. */
  estimate: number;
  low: number;
  high: number;
}

/**
 * Location shift of x against y with the interval that inverts the Mann-Whitney test. The bounds are differences of the
 * sample, found by rank: no search with an absolute tolerance, which fails for small units. A level that so few values
 * cannot reach gives an unbounded interval.
 * @param z normal quantile of the level, 2.326 for 98 % on two sides
 */
export function shift(x: readonly number[], y: readonly number[], z: number): Shift {
  const [m, n] = [x.length, y.length];
  const differences = new Float64Array(m * n);
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j < n; j += 1) differences[i * n + j] = (x[i] ?? 0) - (y[j] ?? 0);
  }
  differences.sort();
  const at = (k: number): number => differences[k] ?? Number.NaN;
  const middle = (m * n) / 2;
  // Between two differences only values of the same sample can be equal.
  const sigma = sigmaOf(m, n, tiesOf(x) + tiesOf(y));
  // Shifted by more than k of the differences, U is m n - k: the last k for which that is still significant.
  const k = Math.floor(middle - 0.5 - z * sigma);
  const half = Math.floor((m * n - 1) / 2);
  return {
    estimate: (at(half) + at(m * n - 1 - half)) / 2,
    low: k < 0 ? Number.NEGATIVE_INFINITY : at(k),
    high: k < 0 ? Number.POSITIVE_INFINITY : at(m * n - 1 - k),
  };
}

function tiesOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  let ties = 0;
  for (let i = 0; i < sorted.length; ) {
    let stop = i;
    while (stop < sorted.length && sorted[stop] === sorted[i]) stop += 1;
    ties += (stop - i) ** 3 - (stop - i);
    i = stop;
  }
  return ties;
}

/** z of two proportions with the pooled standard error; positive when the second is larger. */
export function pooledZ(e0: number, n0: number, e1: number, n1: number): number {
  if (n0 === 0 || n1 === 0) return 0;
  const p = (e0 + e1) / (n0 + n1);
  const error = Math.sqrt(p * (1 - p) * (1 / n0 + 1 / n1));
  return error === 0 ? 0 : (e1 / n1 - e0 / n0) / error;
}

/** P(p1 > p0) for independent Beta posteriors after a uniform prior; Evan Miller's sum, term by term. */
export function probabilityWorse(e0: number, n0: number, e1: number, n1: number): number {
  const [a0, b0] = [e0 + 1, Math.max(0, n0 - e0) + 1];
  const b1 = Math.max(0, n1 - e1) + 1;
  let log = logBeta(a0, b0 + b1) - logBeta(a0, b0);
  let sum = 0;
  for (let i = 0; i <= e1; i += 1) {
    // What is below e^-40 adds nothing that a threshold of 0.95 could see.
    if (log > -40) sum += Math.exp(log);
    log += Math.log(((a0 + i) * (b1 + i)) / ((a0 + b0 + b1 + i) * (1 + i)));
  }
  return Math.min(1, sum);
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Lanczos, g = 7: relative error below 1e-14. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  let sum = LANCZOS[0] ?? 0;
  for (let i = 1; i < LANCZOS.length; i += 1) sum += (LANCZOS[i] ?? 0) / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/**
 * A quantile of a classic histogram as Prometheus' `histogram_quantile` gives it: linear within the bucket, from 0 in the
 * first one; above the last bound, that bound.
 * @param slow requests over each bound
 */
export function histogramQuantile(q: number, n: number, bounds: readonly number[], slow: readonly number[]): number {
  if (n <= 0) return Number.NaN;
  const rank = q * n;
  let [below, from] = [0, 0];
  for (const [i, bound] of bounds.entries()) {
    const upTo = n - (slow[i] ?? 0);
    if (upTo >= rank) return upTo === below ? bound : from + ((bound - from) * (rank - below)) / (upTo - below);
    [below, from] = [upTo, bound];
  }
  return from;
}
