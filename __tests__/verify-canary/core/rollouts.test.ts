/** The promises of the judge, checked on seeded rollouts: the promised rate plus three standard errors. */
import { describe, expect, test } from '@jest/globals';
import { rateOf, simulate } from './simulate.ts';
import { bound, median } from './support.ts';

const RUNS = 1000;

describe('false fails stay below alpha', () => {
  test(`T03 any path of base rate and weight, no difference: ${RUNS} runs`, async () => {
    expect(await rateOf('wandering', RUNS)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });

  test(`4 steps, 10 metrics, all exactly at fail.ratio: ${RUNS} runs`, async () => {
    expect(await rateOf('nullEdge', RUNS, 0)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });

  test(`the same with an incident of 5 minutes on both arms: ${RUNS} runs`, async () => {
    expect(await rateOf('nullEdge', RUNS, 5)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });
});

describe('false passes stay below beta', () => {
  test.each([
    ['at the margin', 0],
    ['at the margin and at the edge of the objective', 0.03],
  ])(`%s: ${RUNS} runs`, async (_, slo) => {
    expect(await rateOf('passEdge', RUNS, slo)).toBeLessThanOrEqual(bound(0.05, RUNS));
  });
});

describe('what is bad is found, what is good goes on', () => {
  test('total outage at 8 requests/s and 5 %: 95 of 100 runs fail within 2 intervals after warm-up', async () => {
    const intervals = (await simulate('outage', 100)).sort((a, b) => a - b);
    expect(intervals[94]).toBeLessThanOrEqual(2);
  });

  test('healthy at 400 requests/s, 0.4 % errors: at least 99 of 100 runs pass all four steps', async () => {
    const passed = await simulate('healthy', 100);
    expect(passed.filter((steps) => steps === 4).length).toBeGreaterThanOrEqual(99);
  });

  test('errors doubled after 10 good minutes at 400 requests/s: 95 of 100 runs fail, in 6 minutes by median', async () => {
    const minutes = await simulate('doubled', 100);
    expect(minutes.filter(Number.isFinite).length).toBeGreaterThanOrEqual(95);
    expect(median(minutes)).toBeLessThanOrEqual(6);
  });
});

describe('T06 a late regression costs little more than an early one', () => {
  const few = 61;
  const atOnce = simulate('lateOnset', few, 0).then(median);

  test.each([10, 30, 60, 110])(
    `after %i healthy minutes at most 2.5 times the failed requests: ${few} runs`,
    async (minutes) => {
      const late = median(await simulate('lateOnset', few, minutes));
      expect(late).toBeLessThanOrEqual(2.5 * (await atOnce));
      expect(late).toBeGreaterThan(0);
    },
  );
});

describe('T17 a share a little off is never a hold', () => {
  test.each<[string, number, number, number]>([
    ['odds 1.4 times too high', 1.4, 1, 1],
    ['odds 1.4 times too low', 1 / 1.4, 1, 1],
    ['batches of 30 with phi 30', 1, 30, 30],
    ['odds 1.4 times too high in batches of 30 with phi 30', 1.4, 30, 30],
  ])(`%s: at most 1 %% of ${RUNS} runs`, async (_, ...args) => {
    expect(await rateOf('share', RUNS, ...args)).toBeLessThanOrEqual(0.01);
  });

  test.each([
    ['high', 1.5],
    ['low', 1 / 1.5],
  ])(`odds as %s as the tolerance allows: 1 %% of ${RUNS} runs plus 3 standard errors`, async (_, odds) => {
    expect(await rateOf('share', RUNS, odds, 1, 1)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });

  test('odds 2.5 times too high are held, and so would be batches without phi', async () => {
    expect(await rateOf('share', 100, 2.5, 1, 1)).toBeGreaterThan(0.95);
    expect(await rateOf('share', 100, 1, 30, 1)).toBeGreaterThan(0.05);
  });
});
