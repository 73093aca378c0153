/** T22 with many targets, some of which miss a round almost always: lines close all the same, and no run is without end. */
import { describe, expect, test } from '@jest/globals';
import { type Play, play } from '../support/scrape.ts';
import { ERRORS, rules, T } from '../support/world.ts';

const CONFIG = rules([ERRORS], ['blind: 5m', 'steps: [{weight: 20, min: 2m, max: 10m}]']);

/** Pods of the stable version that miss a round. @param misses whether the pod does in that round */
const missing =
  (stable: number, misses: (pod: number, round: number) => boolean): Play['meanwhile'] =>
  (pods, seconds) => {
    for (const [i, pod] of pods.slice(0, stable).entries()) {
      pod.fault = misses(i, Math.round(seconds / 15)) ? 'down' : 'none';
    }
  };

describe('lines close', () => {
  test.each<[string, number, (pod: number, round: number) => boolean, number]>([
    ['one of twelve, another one each round: it is not waited for', 12, (pod, round) => pod === round % 12, 15],
    ['three of twelve: those of the round before are new enough', 12, (pod, round) => pod % 4 === round % 4, 30],
    ['one of three', 3, (pod, round) => pod === round % 3, 30],
  ])('%s', async (_, stable, misses, longest) => {
    const { verdict, intervals, error } = await play({ config: CONFIG, stable, meanwhile: missing(stable, misses) });
    expect(error).toBeUndefined();
    expect(verdict).toMatchObject({ verdict: 'pass', reason: 'healthy', share: { state: 'ok' } });
    expect(Math.max(...intervals.map((line) => line.end - line.start))).toBe(longest);
    expect(intervals.every((line) => line.gap === undefined)).toBe(true);
  });

  test('what a late target counted is told with the next line, and not twice', async () => {
    const late = (pod: number, round: number): boolean => pod === 3 && round === 2;
    const { intervals } = await play({ config: CONFIG, stable: 12, meanwhile: missing(12, late) });
    expect(intervals.slice(0, 4).map((line) => [line.end - T, line.traffic])).toEqual([
      [15, { stable: 900, canary: 225 }],
      [30, { stable: 825, canary: 225 }],
      [45, { stable: 975, canary: 225 }],
      [60, { stable: 900, canary: 225 }],
    ]);
  });

  test('a worse canary fails through it', async () => {
    const { verdict } = await play({
      config: CONFIG,
      stable: 12,
      meanwhile: missing(12, (pod, round) => pod % 4 === round % 4),
      load: (pod, dt, _s, arm) => pod.run(dt, arm === 'stable' ? { rate: 5 } : { rate: 15, errors: 0.4 }),
    });
    expect(verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
  });
});

describe('where too many miss too much, the time is a gap', () => {
  // Each of them answers every fourth round, so that none is lost.
  const rare = missing(4, (pod, round) => round > 2 && pod !== round % 4);

  test('which is told after four intervals, and ends the run as blind', async () => {
    const { verdict, intervals } = await play({ config: CONFIG, stable: 4, meanwhile: rare });
    expect(intervals.find((line) => line.gap !== undefined)).toMatchObject({ gap: 'scrape-error' });
    expect(Math.max(...intervals.map((line) => line.end - line.start))).toBe(75);
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'blind' });
    expect((verdict.to ?? 0) - T).toBeLessThanOrEqual(420);
  });

  test('or the deadline does', async () => {
    const config = rules([ERRORS], ['blind: 30m', 'steps: [{weight: 20, min: 2m, max: 10m}]']);
    const { verdict } = await play({ config, stable: 4, meanwhile: rare });
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'coverage-low' });
    expect((verdict.to ?? 0) - T).toBeLessThanOrEqual(660);
  });

  test('after it nothing is counted from before', async () => {
    const misses = missing(4, (pod, round) => round > 2 && round < 9 && pod !== round % 4);
    const { intervals, verdict } = await play({ config: CONFIG, stable: 4, meanwhile: misses });
    const told = intervals.filter((line) => line.gap === undefined);
    for (const line of told) {
      expect(line.traffic?.stable).toBeLessThanOrEqual(60 * (line.end - line.start));
      expect(line.traffic?.canary).toBe(15 * (line.end - line.start));
    }
    expect(verdict.verdict).toBe('pass');
  });
});
