/** The statistics of the models against values from the literature and by hand. */
import { describe, expect, test } from '@jest/globals';
import { incompleteBeta, rateOf } from '../../../bench/verify-canary/card/score.ts';
import { normal } from '../../../bench/verify-canary/scenario/draws.ts';
import { seeded } from '../../../bench/verify-canary/scenario/random.ts';
import {
  histogramQuantile,
  logGamma,
  mannWhitney,
  normalTail,
  pooledZ,
  probabilityWorse,
  rankSum,
  shift,
} from '../../../bench/verify-canary/zoo/stats.ts';

/** Hollander and Wolfe, table 4.1: permeability of the human placenta. */
const TERM = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const EARLY = [1.15, 0.88, 0.9, 0.74, 1.21];

describe('Mann-Whitney', () => {
  test('Hollander and Wolfe: W = 35, p by the normal approximation with continuity correction', () => {
    const { u, sigma } = rankSum(TERM, EARLY);
    expect(u).toBe(35);
    expect(sigma).toBeCloseTo(Math.sqrt((50 / 12) * 16), 12);
    expect(mannWhitney(TERM, EARLY)).toBeCloseTo(0.244624, 5);
  });

  test('ties: midranks, and a smaller variance', () => {
    const { u, sigma } = rankSum([1, 2, 2, 3], [2, 3, 4, 4, 5]);
    expect(u).toBe(2.5);
    // Groups of 3, 2 and 2 equal values among 9.
    expect(sigma).toBeCloseTo(Math.sqrt((20 / 12) * (10 - 36 / 72)), 12);
    expect(mannWhitney([1, 2, 2, 3], [2, 3, 4, 4, 5])).toBeCloseTo(2 * normalTail((10 - 2.5 - 0.5) / sigma), 12);
  });

  test('both directions weigh the same, and equal samples say nothing', () => {
    expect(mannWhitney(EARLY, TERM)).toBeCloseTo(mannWhitney(TERM, EARLY), 12);
    expect(mannWhitney([0, 0, 0], [0, 0])).toBe(1);
    expect(mannWhitney([1, 2, 3], [1, 2, 3])).toBe(1);
  });
});

describe('Hodges-Lehmann shift and its interval', () => {
  test('Hollander and Wolfe: estimate 0.305', () => {
    expect(shift(TERM, EARLY, 1.645).estimate).toBeCloseTo(0.305, 12);
  });

  test.each([1, 2, 3, 4, 5])('the interval is what the test, shifted, does not reject: sample %d', (seed) => {
    const random = seeded(seed);
    const [x, y] = [9, 12].map((n) => Array.from({ length: n }, () => Math.round(20 * normal(random)) / 10)) as [
      number[],
      number[],
    ];
    const z = 2.3263;
    const { low, high } = shift(x, y, z);
    const rejects = (by: number): boolean => {
      const moved = x.map((value) => value - by);
      const { u, sigma } = rankSum(moved, y);
      return (Math.abs(u - 54) - 0.5) / sigma > z;
    };
    // Beside a difference of the sample nothing is tied with the other one.
    expect([rejects(low - 1e-6), rejects(low + 1e-6), rejects(high - 1e-6), rejects(high + 1e-6)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test('has no scale: a billionth of the values has a billionth of the shift', () => {
    const small = (values: number[]): number[] => values.map((v) => v * 2 ** -30);
    const [a, b] = [shift(TERM, EARLY, 1.645), shift(small(TERM), small(EARLY), 1.645)];
    expect([b.estimate, b.low, b.high]).toEqual(small([a.estimate, a.low, a.high]));
  });

  test('a level that so few values cannot reach is unbounded', () => {
    expect(shift([2, 3, 4, 5], [0, 0.1, 0.2, 0.3], 2.3263).low).toBe(Number.NEGATIVE_INFINITY);
    expect(shift([2, 3, 4, 5, 6], [0, 0.1, 0.2, 0.3, 0.4], 2.3263).low).toBeCloseTo(1.6, 12);
  });
});

describe('proportions', () => {
  test('pooled z of 15 and 25 in 100', () => {
    expect(pooledZ(15, 100, 25, 100)).toBeCloseTo(1.767767, 6);
    expect([pooledZ(0, 100, 0, 100), pooledZ(0, 0, 1, 5), pooledZ(5, 5, 5, 5)]).toEqual([0, 0, 0]);
  });

  test('P(worse): the larger of two uniforms above the smaller of two others, 5/6', () => {
    expect(probabilityWorse(0, 1, 1, 1)).toBeCloseTo(5 / 6, 12);
    expect(probabilityWorse(0, 0, 0, 0)).toBeCloseTo(0.5, 12);
  });

  test.each([
    [0, 10, 0, 10],
    [3, 200, 9, 300],
    [400, 100_000, 30, 5000],
    [9000, 3_000_000, 1100, 300_000],
  ])('P(worse) of %d in %d and %d in %d: both ways make 1, and it is near the normal one', (e0, n0, e1, n1) => {
    const worse = probabilityWorse(e0, n0, e1, n1);
    expect(worse + probabilityWorse(e1, n1, e0, n0)).toBeCloseTo(1, 7);
    const [a, b] = [(e0 + 1) / (n0 + 2), (e1 + 1) / (n1 + 2)];
    const z = (b - a) / Math.sqrt((a * (1 - a)) / (n0 + 3) + (b * (1 - b)) / (n1 + 3));
    expect(Math.abs(worse - normalTail(-z))).toBeLessThan(0.02);
  });

  test.each([
    [0, 10, 0, 0.3084971],
    [5, 10, 0.187086, 0.812914],
    [10, 10, 0.6915029, 1],
    [1, 1000, 0.0000253178, 0.0055589],
  ])('Clopper and Pearson: %d of %d', (k, n, low, high) => {
    const rate = rateOf(k, n);
    expect(rate.low).toBeCloseTo(low, 6);
    expect(rate.high).toBeCloseTo(high, 6);
  });

  test('the incomplete beta function is a binomial tail', () => {
    // P(X >= 2), X of 5 at 0.3.
    expect(incompleteBeta(0.3, 2, 4)).toBeCloseTo(1 - 0.7 ** 5 - 5 * 0.3 * 0.7 ** 4, 12);
    expect([incompleteBeta(0, 2, 4), incompleteBeta(1, 2, 4)]).toEqual([0, 1]);
  });
});

test.each([
  [0, 0.5],
  [0.1, 0.460172162722971],
  [1.5, 0.0668072012688581],
  [1.959963984540054, 0.025],
  [2.9, 0.00186581330038404],
  [3.1, 0.000967603213218358],
  [6, 9.865876450377e-10],
  [-1.5, 1 - 0.0668072012688581],
])('normal tail beyond %d', (z, p) => expect(normalTail(z) / p).toBeCloseTo(1, 10));

test.each([
  [0.5, Math.log(Math.sqrt(Math.PI))],
  [1, 0],
  [11, Math.log(3628800)],
  [0.25, 1.2880225246980774],
])('ln gamma of %d', (x, value) => expect(logGamma(x)).toBeCloseTo(value, 12));

describe('histogram_quantile', () => {
  const bounds = [0.25, 0.5, 1];

  test('is linear within a bucket, from 0 in the first one, and the last bound above that', () => {
    expect(histogramQuantile(0.9, 100, bounds, [20, 5, 1])).toBeCloseTo(0.25 + (0.25 * 10) / 15, 12);
    expect(histogramQuantile(0.4, 100, bounds, [20, 5, 1])).toBeCloseTo(0.125, 12);
    expect(histogramQuantile(0.999, 100, bounds, [20, 5, 1])).toBe(1);
    expect(histogramQuantile(0.99, 0, bounds, [0, 0, 0])).toBeNaN();
  });
});
