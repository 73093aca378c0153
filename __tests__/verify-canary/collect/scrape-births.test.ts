/** T21: pods that are born, restart and come back while they are watched. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ANY_SHARE, OK, play, STABLE } from '../support/scrape.ts';
import { ERRORS, rules, T } from '../support/world.ts';

describe('T21 through the source', () => {
  test('a restart hidden by a larger counter counts in full, and its requests are traffic only while it warms up', async () => {
    const { intervals } = await play({
      config: rules([ERRORS], ['warmup: 30s', ANY_SHARE]),
      canary: 2,
      meanwhile(pods, seconds) {
        const pod = pods[1];
        if (seconds !== 45 || pod === undefined) return;
        for (const series of pod.counters.keys()) pod.counters.set(series, 0);
        pod.started = T + 44;
        pod.serve(5000, {});
      },
    });
    const [, , third, fourth] = intervals;
    expect(third).toMatchObject({ traffic: { canary: 5112 }, flags: ['restart'] });
    expect(third?.metrics?.errors?.canary).toMatchObject({ n: 112 });
    expect(fourth?.traffic?.canary).toBe(226);
  });

  test('a pod that was never read and began before the rollout is a baseline', async () => {
    const { intervals } = await play({
      config: rules([ERRORS], [ANY_SHARE]),
      stable: 2,
      meanwhile(pods, seconds) {
        const late = pods[1];
        if (late === undefined) return;
        late.fault = seconds < 100 ? 'down' : 'none';
      },
    });
    expect(intervals.slice(0, 4)).toMatchObject([
      { end: T + 75, traffic: { stable: 2250, canary: 1125 }, flags: ['stretched', 'target-lost'] },
      { traffic: { stable: 450 } },
      { end: T + 105, traffic: { stable: 450 } },
      { end: T + 120, traffic: { stable: 900 } },
    ]);
  });

  test('a pod that is born, lost and back again is counted once', async () => {
    let served = 0;
    const { intervals } = await play({
      config: rules(),
      canary: 2,
      load(pod, dt, seconds, arm) {
        if (arm === 'canary' && seconds === 45 && pod.fault === 'down') {
          pod.started = T + 44;
          for (const series of pod.counters.keys()) pod.counters.set(series, 0);
        }
        const before = pod.counters.get(OK) ?? 0;
        pod.run(dt, arm === 'stable' ? STABLE : { rate: 10 });
        if (arm === 'canary') served += (pod.counters.get(OK) ?? 0) - before;
      },
      meanwhile(pods, seconds, stop) {
        const young = pods[2];
        if (young !== undefined) young.fault = seconds < 60 || (seconds > 100 && seconds < 200) ? 'down' : 'none';
        if (seconds > 300) stop();
      },
    });
    const counted = intervals.reduce((sum, line) => sum + (line.traffic?.canary ?? 0), 0);
    expect(counted).toBeGreaterThan(served / 2);
    expect(counted).toBeLessThanOrEqual(served);
  });

  test('after a history, pods that were born in the rollout are a baseline: the run before has counted them', async () => {
    const first = await play({
      config: rules(),
      inputs: { app: 'shop' },
      meanwhile: (_, s, stop) => (s > 60 ? stop() : undefined),
    });
    const folder = await mkdtemp(join(tmpdir(), 'history-'));
    try {
      await writeFile(join(folder, 'h.jsonl'), first.text);
      const { intervals } = await play({
        config: rules(),
        inputs: { history: join(folder, 'h.jsonl') },
        from: T + 300,
        started: T + 30,
      });
      const own = intervals.filter((line) => line.start >= T + 300);
      expect(own[0]).toMatchObject({ start: T + 300, end: T + 315, traffic: { stable: 900, canary: 225 } });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
