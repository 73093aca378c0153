/** Exact draws: their distribution is that of the name, not one that is near it for large numbers. */
import type { Random } from './random.ts';

/** How many of n independent requests an event with probability p happens to. */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  return n * p < 10 ? binomialByGaps(random, n, p) : binomialByRejection(random, n, p);
}

/** From one event to the next: the work grows with the events, not with the requests. */
function binomialByGaps(random: Random, n: number, p: number): number {
  const step = Math.log1p(-p);
  let events = -1;
  for (let at = 0; at <= n; events += 1) at += Math.floor(Math.log(1 - random.uniform()) / step) + 1;
  return events;
}

/** BTRS (Hörmann 1993): transformed rejection with squeeze. */
function binomialByRejection(random: Random, n: number, p: number): number {
  const spread = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = n * p + 0.5;
  const vr = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * spread;
  const odds = Math.log(p / (1 - p));
  const mode = Math.floor((n + 1) * p);
  const top = logFactorial(mode) + logFactorial(n - mode);
  for (;;) {
    const u = random.uniform() - 0.5;
    const v = 1 - random.uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + c);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || k > n) continue;
    const accept = Math.log((v * alpha) / (a / (us * us) + b));
    if (accept <= top - logFactorial(k) - logFactorial(n - k) + (k - mode) * odds) return k;
  }
}

export function poisson(random: Random, mean: number): number {
  if (mean <= 0) return 0;
  return mean < 10 ? poissonByProducts(random, mean) : poissonByRejection(random, mean);
}

function poissonByProducts(random: Random, mean: number): number {
  // Below 1, or a mean that rounds away would count -1.
  const limit = Math.min(Math.exp(-mean), 1 - Number.EPSILON);
  let count = -1;
  for (let product = 1; product > limit; count += 1) product *= 1 - random.uniform();
  return count;
}

/** PTRS (Hörmann 1993). */
function poissonByRejection(random: Random, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverse = 1.1239 + 1.1328 / (b - 3.4);
  const vr = 0.9277 - 3.6224 / (b - 2);
  const log = Math.log(mean);
  for (;;) {
    const u = random.uniform() - 0.5;
    const v = 1 - random.uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (Math.log((v * inverse) / (a / (us * us) + b)) <= k * log - mean - logFactorial(k)) return k;
  }
}

/** @param dispersion variance divided by mean, above 1 */
export function negativeBinomial(random: Random, mean: number, dispersion: number): number {
  if (mean <= 0) return 0;
  // A Poisson number whose mean is itself drawn from a gamma distribution.
  return poisson(random, gamma(random, mean / (dispersion - 1)) * (dispersion - 1));
}

/** Scale 1; Marsaglia and Tsang 2000. */
export function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

const FACTORIALS = new Float64Array(256);
for (let i = 2; i < FACTORIALS.length; i += 1) FACTORIALS[i] = (FACTORIALS[i - 1] ?? 0) + Math.log(i);
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** ln n!; beyond a table by Stirling's series, whose error there is below 1e-15. */
export function logFactorial(n: number): number {
  if (n < FACTORIALS.length) return FACTORIALS[n] ?? 0;
  const x = n + 1;
  const square = 1 / (x * x);
  return (x - 0.5) * Math.log(x) - x + HALF_LOG_TWO_PI + (1 / 12 - (1 / 360 - square / 1260) * square) / x;
}
