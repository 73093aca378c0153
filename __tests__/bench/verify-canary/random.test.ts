/** Chance that can be repeated, and draws that have the distribution of their name. */
import { describe, expect, test } from '@jest/globals';
import {
  binomial,
  gamma,
  logFactorial,
  negativeBinomial,
  normal,
  poisson,
} from '../../../bench/verify-canary/scenario/draws.ts';
import { fromState, type Random, seeded } from '../../../bench/verify-canary/scenario/random.ts';

describe('xoshiro128**', () => {
  test('gives the published sequence for the state 1, 2, 3, 4', () => {
    const random = fromState([1, 2, 3, 4]);
    const first = Array.from({ length: 10 }, () => random.bits());
    expect(first).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  test('the same words give the same sequence, others another one', () => {
    const start = (...words: number[]): number[] => {
      const random = seeded(...words);
      return [random.bits(), random.bits()];
    };
    expect(start(1, 2)).toEqual(start(1, 2));
    const all = [start(1, 2), start(2, 1), start(1), start(2), start(0), start(0, 0), start()].map(String);
    expect(new Set(all).size).toBe(all.length);
  });

  test('uniform is in [0, 1) and even', () => {
    const random = seeded(7);
    const buckets = new Array<number>(10).fill(0);
    let inside = true;
    for (let i = 0; i < 100_000; i += 1) {
      const u = random.uniform();
      inside &&= u >= 0 && u < 1;
      buckets[Math.floor(10 * u)] = (buckets[Math.floor(10 * u)] ?? 0) + 1;
    }
    const chiSquare = buckets.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(inside).toBe(true);
    // 9 degrees of freedom: 27.9 is passed once in a thousand seeds.
    expect(chiSquare).toBeLessThan(27.9);
  });
});

const RUNS = 10_000;

/** Mean and variance, in standard errors from what they should be. */
function off(draw: (random: Random) => number, mean: number, variance: number, fourth: number): [number, number] {
  const random = seeded(11);
  let [sum, squares] = [0, 0];
  for (let i = 0; i < RUNS; i += 1) {
    const x = draw(random) - mean;
    sum += x;
    squares += x * x;
  }
  const ofMean = sum / RUNS / Math.sqrt(variance / RUNS);
  const ofVariance = (squares / RUNS - variance) / Math.sqrt((fourth - variance ** 2) / RUNS);
  return [ofMean, ofVariance];
}

function expectMoments(draw: (random: Random) => number, mean: number, variance: number, fourth: number): void {
  const [m, v] = off(draw, mean, variance, fourth);
  expect(Math.abs(m)).toBeLessThan(4);
  expect(Math.abs(v)).toBeLessThan(4);
}

describe('draws have the moments of their distribution', () => {
  test.each([
    [10, 0.3],
    [1000, 0.001],
    [1000, 0.02],
    [6000, 0.05],
    [300, 0.5],
    [300, 0.93],
    [1_000_000, 0.004],
  ])('binomial of %d at %d', (n, p) => {
    const v = n * p * (1 - p);
    expectMoments((r) => binomial(r, n, p), n * p, v, v * (1 + 3 * v - (6 * v) / n));
  });

  test.each([0.2, 3, 9.9, 10, 47, 6000])('Poisson of %d', (mean) => {
    expectMoments((r) => poisson(r, mean), mean, mean, mean * (1 + 3 * mean));
  });

  test('a mean that is next to nothing is never less than nothing', () => {
    const random = seeded(3);
    for (const mean of [1e-300, 1e-17, 1e-16, 1e-15]) expect(poisson(random, mean)).toBe(0);
  });

  test.each([
    [2, 5],
    [24, 10],
    [400, 1.5],
  ])('negative binomial of %d with %d times the variance', (mean, times) => {
    const v = mean * times;
    const size = mean / (times - 1);
    expectMoments((r) => negativeBinomial(r, mean, times), mean, v, v * v * (3 + 6 / size) + v);
  });

  test.each([0.3, 1, 7.5])('gamma of shape %d', (shape) => {
    expectMoments((r) => gamma(r, shape), shape, shape, 3 * shape ** 2 + 6 * shape);
  });

  test('normal', () => expectMoments(normal, 0, 1, 3));
});

describe('draws are exact, not near', () => {
  /** Chi-square of counts against probabilities, cells below an expectation of 8 left out. */
  function chiSquare(draw: (random: Random) => number, probability: (k: number) => number, most: number): number {
    const random = seeded(5);
    const counts = new Map<number, number>();
    for (let i = 0; i < 40_000; i += 1) {
      const k = draw(random);
      counts.set(k, (counts.get(k) ?? 0) + 1);
    }
    let [sum, cells] = [0, 0];
    for (let k = 0; k <= most; k += 1) {
      const expected = 40_000 * probability(k);
      if (expected < 8) continue;
      sum += ((counts.get(k) ?? 0) - expected) ** 2 / expected;
      cells += 1;
    }
    // In standard deviations above its mean.
    return (sum - cells) / Math.sqrt(2 * cells);
  }

  test.each([
    [40, 0.3],
    [500, 0.02],
    [2000, 0.01],
  ])('binomial of %d at %d', (n, p) => {
    const probability = (k: number): number =>
      Math.exp(logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
    expect(chiSquare((r) => binomial(r, n, p), probability, n)).toBeLessThan(4);
  });

  test.each([4, 12, 80])('Poisson of %d', (mean) => {
    const probability = (k: number): number => Math.exp(k * Math.log(mean) - mean - logFactorial(k));
    expect(chiSquare((r) => poisson(r, mean), probability, 300)).toBeLessThan(4);
  });

  test('at the ends nothing is drawn', () => {
    const never: Random = { bits: () => 0, uniform: () => Number.NaN };
    expect([binomial(never, 10, 0), binomial(never, 0, 0.5), binomial(never, 10, 1), poisson(never, 0)]).toEqual([
      0, 0, 10, 0,
    ]);
  });

  test.each([
    [5, Math.log(120)],
    [255, 1161.7121011184006],
    [1000, 5912.128178488163],
  ])('ln %d!', (n, value) => expect(logFactorial(n)).toBeCloseTo(value, 8));
});
