/** What bursts, single pods and another time do to the promises, on seeded rollouts. */
import { describe, expect, test } from '@jest/globals';
import { rateOf } from './simulate.ts';
import { bound } from './support.ts';

const RUNS = 500;

describe('events in batches of geometric size, 5 on average: E[B²]/E[B] is 9', () => {
  // [ratio, canary pods, requests of a pod in an interval]
  test.each([
    ['batches are frequent', 200],
    ['batches are rare', 40],
  ])(`phi auto, exactly at fail.ratio, %s: false fails of ${RUNS} runs stay below alpha`, async (_, requests) => {
    expect(await rateOf('burstsMeasured', RUNS, 1.25, 1, requests)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });

  test('phi auto still finds ten times the errors', async () => {
    expect(await rateOf('burstsMeasured', 100, 10, 2, 200)).toBeGreaterThan(0.9);
  });

  test('without phi the stable pods show that they differ', async () => {
    expect(await rateOf('burstsUnknown', 100, 1, 1, 200)).toBeGreaterThan(0.5);
  });
});

test(`independent requests: the A/A check holds at most alpha of ${RUNS} runs`, async () => {
  expect(await rateOf('calmNoise', RUNS, 1, 2, 200)).toBeLessThanOrEqual(bound(0.01, RUNS));
});

describe('one bad pod', () => {
  test(`with pods told apart, exactly at fail.ratio: false fails of ${RUNS} runs stay below alpha`, async () => {
    expect(await rateOf('allPods', RUNS, 1.25, 3, 200)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });

  test.each([2, 3])('%i pods of which one has ten times the errors: held for it in 90 of 100 runs', async (pods) => {
    expect(await rateOf('onePod', 100, 1, pods, 100)).toBeGreaterThanOrEqual(0.9);
  });

  test.each([2, 3])('%i pods that are all bad: held for one of them in at most 10 of 100 runs', async (pods) => {
    expect(await rateOf('allPodsHeld', 100, 3, pods, 100)).toBeLessThanOrEqual(0.1);
    expect(await rateOf('allPods', 100, 3, pods, 100)).toBeGreaterThanOrEqual(0.9);
  });
});

describe('compared with the half hour before', () => {
  test.each([
    ['a steady rate', 0],
    ['a rate that is up to 1.35 times higher or lower every interval', 0.3],
    ['a rate that is up to 2.7 times higher or lower every interval', 1],
  ])(`1.5 times stable, %s: false fails of ${RUNS} runs stay below alpha`, async (_, wander) => {
    expect(await rateOf('earlier', RUNS, 1.5, 4, 200, wander)).toBeLessThanOrEqual(bound(0.01, RUNS));
  });

  test('three times stable fails', async () => {
    expect(await rateOf('earlier', 100, 3, 4, 200, 0.3)).toBeGreaterThanOrEqual(0.95);
  });
});
