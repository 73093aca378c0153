import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chiSquare10, createDispersion } from '../../../src/verify-canary/core/dispersion.ts';
import { random } from '../support/pod.ts';

describe('the 10 % quantile of chi-square', () => {
  // As tabulated; the last column is the error that is allowed.
  test.each([
    [1, 0.0158, 0.0108],
    [2, 0.2107, 0.0141],
    [3, 0.5844, 0.0081],
    [4, 1.0636, 0.0055],
    [5, 1.6103, 0.005],
    [10, 4.8652, 0.005],
    [20, 12.4426, 0.005],
    [30, 20.5992, 0.005],
    [60, 46.4589, 0.005],
    [100, 82.3581, 0.005],
  ])(
    '%i degrees of freedom: %f, and at most 0.1 %% more, so that the bound on phi is not too low',
    (df, value, error) => {
      expect(chiSquare10(df)).toBeGreaterThanOrEqual(value - error);
      expect(chiSquare10(df)).toBeLessThan(1.001 * value);
    },
  );

  test('it is never negative, and rises', () => {
    expect(chiSquare10(0.01)).toBe(0);
    const values = Array.from({ length: 500 }, (_, i) => chiSquare10((i + 1) / 2));
    for (const [i, value] of values.entries()) expect(value).toBeGreaterThanOrEqual(values[i - 1] ?? 0);
  });
});

/** phi without the bound: as many groups as make the bound tight. */
function limit(groups: () => { n: number; e: number }[], count = 4000): number {
  const dispersion = createDispersion();
  for (let i = 0; i < count; i += 1) dispersion.add(groups());
  return dispersion.upper() ?? Number.NaN;
}

describe('phi', () => {
  test('by hand: X² of one group, over df, at the 10 % quantile', () => {
    const dispersion = createDispersion();
    const groups = [
      [10, 20, 30],
      [25, 5, 30],
    ];
    let chi = 0;
    for (const group of groups) {
      dispersion.add(group.map((e) => ({ n: 1000, e })));
      for (const e of group) chi += (e - 20) ** 2 / 20;
    }
    // Both groups have as many events, so that the weighted mean is the plain one.
    expect(dispersion.upper()).toBeCloseTo(chi / 4 / (chiSquare10(4) / 4), 12);
  });

  test('groups of many events count more: the larger of both bounds is taken', () => {
    const [calm, wild] = [[4, 4].map((e) => ({ n: 100, e })), [60, 20].map((e) => ({ n: 100, e }))];
    const dispersion = createDispersion();
    for (let i = 0; i < 30; i += 1) {
      dispersion.add(calm);
      dispersion.add(wild);
    }
    const [chi, df] = [20, (30 * 88) ** 2 / (30 * (64 + 6400))];
    expect(dispersion.upper()).toBeCloseTo(((80 * chi) / 88) * (df / chiSquare10(df)), 9);
  });

  test('one batch at a time, of sizes 1 and 9: the variance ratio, not the mean size', () => {
    let i = 0;
    const phi = limit(() => {
      i += 1;
      const size = i % 2 === 0 ? 1 : 9;
      return [0, 1, 2].map((pod) => ({ n: 100, e: pod === i % 3 ? size : 0 }));
    });
    // E[B²]/E[B] = 41/5; the mean size is 5.
    expect(phi).toBeGreaterThan(8.2);
    expect(phi).toBeLessThan(8.6);
  });

  test('independent requests: 1, however few the events are', () => {
    const next = random(7);
    for (const rate of [0.001, 0.01, 0.2]) {
      const phi = limit(
        () => [100, 200, 50].map((n) => ({ n, e: Array.from({ length: n }, next).filter((u) => u < rate).length })),
        2000,
      );
      expect(phi).toBeGreaterThanOrEqual(1);
      expect(phi).toBeLessThan(1.12);
    }
  });

  test('nothing to measure: null; too little of it: as large as it can be', () => {
    const dispersion = createDispersion();
    expect(dispersion.upper()).toBeNull();
    dispersion.add([{ n: 100, e: 5 }]);
    dispersion.add([
      { n: 100, e: 0 },
      { n: 100, e: 0 },
    ]);
    dispersion.add([
      { n: 100, e: 5 },
      { n: 0, e: 0 },
    ]);
    expect(dispersion.upper()).toBeNull();
    dispersion.add([
      { n: 100, e: 9 },
      { n: 100, e: 1 },
    ]);
    expect(dispersion.upper()).toBe(50);
  });

  test('it lies in 1 to 50, whatever the counts', () => {
    const cell = fc.record({ n: fc.oneof(fc.nat(5), fc.maxSafeNat()), e: fc.oneof(fc.nat(5), fc.maxSafeNat()) });
    fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 5 }), { maxLength: 5 }), (groups) => {
        const dispersion = createDispersion();
        for (const group of groups) dispersion.add(group);
        const phi = dispersion.upper();
        if (phi === null) return;
        expect(phi).toBeGreaterThanOrEqual(1);
        expect(phi).toBeLessThanOrEqual(50);
      }),
      { seed: 6, numRuns: 300 },
    );
  });
});
