/** The source `scrape` through the whole run: pages from memory, time from the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/runner/index.ts';
import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import { Pod } from '../support/pod.ts';
import { ERRORS, LATENCY, type Outcome, podsHttp, podUrl, rules, steppingClock, T, watch } from '../support/world.ts';

const STABLE = { rate: 60 };
const CANARY = { rate: 15 };
const ANY_SHARE = 'share: {mode: observe}';
const OK = 'http_requests_total{code="200",method="POST",route="/v1/equalize"}';
const INPUTS = { 'expected-weight': '20', 'stable-targets': podUrl(1), 'canary-targets': podUrl(2) };

interface Play {
  config: CanaryConfig;
  inputs?: Record<string, string>;
  stable?: number;
  canary?: number;
  /** Told after every wait; seconds since the start. */
  meanwhile?: (pods: Pod[], seconds: number, stop: () => void) => void;
  /** When the run begins, and when the processes did. */
  from?: number;
  started?: number;
  load?: (pod: Pod, dt: number, seconds: number, arm: 'stable' | 'canary') => void;
}

async function play(what: Play): Promise<Outcome> {
  const { config, inputs = {}, stable = 1, canary = 1, from = T, started = T - 3600, meanwhile, load } = what;
  const pods = Array.from({ length: stable + canary }, (_, i) => new Pod(i + 1));
  for (const pod of pods) {
    pod.started = started;
    pod.serve(5000, {});
  }
  const controller = new AbortController();
  const even = (pod: Pod, dt: number, _s: number, arm: string): void =>
    pod.run(dt, arm === 'stable' ? { rate: STABLE.rate / stable } : { rate: CANARY.rate / canary });
  const clock = steppingClock(from, (dt, now) => {
    for (const [i, pod] of pods.entries()) (load ?? even)(pod, dt, now - T, i < stable ? 'stable' : 'canary');
    meanwhile?.(pods, now - T, () => controller.abort(new Error('stopped')));
    if (now > T + 7200) throw new Error('the run does not end');
  });
  const addresses = pods.map((_, i) => podUrl(i + 1));
  const targets = {
    'stable-targets': addresses.slice(0, stable).join('\n'),
    'canary-targets': addresses.slice(stable).join('\n'),
  };
  const byHost = Object.fromEntries(pods.map((pod, i) => [`127.0.0.${i + 1}`, pod]));
  return watch(
    { ...INPUTS, ...targets, ...inputs },
    { config, clock, openHttp: podsHttp(byHost), signal: controller.signal },
  );
}

test('the first reading is a baseline; then every interval covers the same time of both versions', async () => {
  const { lines, intervals, verdict, error } = await play({ config: rules([ERRORS, LATENCY]) });
  expect(error).toBeUndefined();
  expect(lines[0]).toEqual({ v: 1, type: 'event', at: T, event: 'run' });
  expect(intervals[0]).toMatchObject({
    step: '20',
    weight: 20,
    start: T,
    end: T + 15,
    traffic: { stable: 900, canary: 225 },
    metrics: { errors: { stable: { n: 900, e: 0 } }, latency: { canary: { n: 225, le: { '0.25': 225 } } } },
  });
  expect(verdict).toMatchObject({ verdict: 'pass', reason: 'healthy' });
  expect(intervals.every((line, i) => i === 0 || line.start === intervals[i - 1]?.end)).toBe(true);
});

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

describe('T22 targets that do not answer', () => {
  const failing =
    (index: number, from: number, to: number): Play['meanwhile'] =>
    (pods, seconds) => {
      const pod = pods[index];
      if (pod !== undefined) pod.fault = seconds > from && seconds <= to ? 'down' : 'none';
    };

  test('one of three stable targets misses one scrape: the interval is stretched on both arms', async () => {
    const { intervals } = await play({ config: rules(), stable: 3, meanwhile: failing(1, 25, 30) });
    expect(intervals.slice(0, 3)).toMatchObject([
      { start: T, end: T + 15, traffic: { stable: 900, canary: 225 } },
      { start: T + 15, end: T + 45, traffic: { stable: 1800, canary: 450 }, flags: ['stretched'] },
      { start: T + 45, end: T + 60, traffic: { stable: 900, canary: 225 } },
    ]);
  });

  test('it misses five: dropped with a flag, its counts with it', async () => {
    const { intervals, verdict } = await play({ config: rules(), stable: 3, meanwhile: failing(1, 25, 1e9) });
    expect(intervals[1]).toMatchObject({ start: T + 15, end: T + 90, flags: ['stretched', 'target-lost'] });
    expect(intervals[1]?.traffic).toEqual({ stable: 3000, canary: 1125 });
    expect(intervals[2]?.traffic).toEqual({ stable: 600, canary: 225 });
    expect(verdict.verdict).not.toBe('fail');
  });

  test('a target that is late counts from its first page, and so does the other version', async () => {
    const { intervals } = await play({ config: rules(), meanwhile: failing(1, -1, 30) });
    expect(intervals[0]).toMatchObject({ start: T + 45, end: T + 60, traffic: { stable: 900, canary: 225 } });
    expect(intervals[0]).not.toHaveProperty('flags');
  });

  test('all canary targets gone after data: fail canary-silent', async () => {
    const { verdict, intervals } = await play({
      config: rules([ERRORS], ['silent: 2m']),
      meanwhile: failing(1, 60, 1e9),
    });
    expect(verdict).toMatchObject({ verdict: 'fail', reason: 'canary-silent' });
    expect(intervals.at(-1)).toMatchObject({ gap: 'canary-absent' });
    expect((verdict.to ?? 0) - T).toBeGreaterThanOrEqual(180);
  });

  test('the canary never seen: hold, and no fail', async () => {
    const { verdict, intervals } = await play({ config: rules(), meanwhile: failing(1, -1, 1e9) });
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'canary-silent' });
    expect(new Set(intervals.map((line) => line.gap))).toEqual(new Set(['canary-absent']));
    expect((verdict.to ?? 0) - T).toBe(300);
  });
});

test('T24 the histogram vanished in the canary only: hold absent:latency, never a pass', async () => {
  const { verdict } = await play({
    config: rules([ERRORS, LATENCY], ['steps: [{weight: 20, max: 5m}]']),
    meanwhile(pods) {
      const page = pods[1]?.counters;
      for (const series of [...(page?.keys() ?? [])]) if (series.includes('duration')) page?.delete(series);
    },
  });
  expect(verdict).toMatchObject({ verdict: 'hold', reason: 'absent:latency' });
});

describe('T25 nothing to judge', () => {
  test('no HTTP traffic at all: no-data no-traffic', async () => {
    const { verdict } = await play({ config: rules([ERRORS], ['steps: [{weight: 20, max: 5m}]']), load: () => {} });
    expect(verdict).toMatchObject({ verdict: 'no-data', reason: 'no-traffic' });
  });

  test('all targets unreachable from the start: hold blind', async () => {
    const { verdict, log } = await play({
      config: rules(),
      meanwhile: (pods) => {
        for (const pod of pods) pod.fault = 'down';
      },
    });
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'blind' });
    // One warning a cause, not one a reading.
    expect(log.annotations.filter((a) => a.code === 'W_METRICS_FAULT')).toHaveLength(1);
  });

  test('reachable without the series: no-data absent, and the names that are near', async () => {
    const { verdict, log } = await play({ config: rules(), load: (pod) => rename(pod) });
    expect(verdict).toMatchObject({ verdict: 'no-data', reason: 'absent' });
    const [warning] = log.annotations.filter((a) => a.code === 'W_SELECTOR_EMPTY');
    expect(warning?.message).toContain('Names that exist and are near: http_request_total');
  });
});

function rename(pod: Pod): void {
  const all = [...pod.counters];
  pod.counters.clear();
  for (const [series, value] of all)
    pod.counters.set(series.replace('http_requests_total', 'http_request_total'), value);
}

test('T29 the wall clock jumps back an hour in the middle: intervals still rise', async () => {
  const wall = Date.now;
  const [stable, canary] = [new Pod(1), new Pod(2)];
  const controller = new AbortController();
  let rounds = 0;
  const pages = podsHttp({ '127.0.0.1': stable, '127.0.0.2': canary })();
  const counted = {
    ...pages,
    send: async (request: Parameters<typeof pages.send>[0]) => {
      rounds += 1;
      if (rounds === 8) Date.now = () => wall() - 3_600_000;
      if (rounds === 20) controller.abort(new Error('stopped'));
      return pages.send(request);
    },
  };
  const config = { ...rules(), interval: 0.02 };
  try {
    const { intervals } = await watch(INPUTS, {
      config,
      clock: systemClock,
      openHttp: () => counted,
      signal: controller.signal,
    });
    expect(intervals.length).toBeGreaterThanOrEqual(7);
    expect(intervals.every((line, i) => i === 0 || line.start === intervals[i - 1]?.end)).toBe(true);
    const [from, to] = [intervals[0]?.start ?? 0, intervals.at(-1)?.end ?? 0];
    expect(to - from).toBeLessThan(60);
    expect(Math.abs(from - wall() / 1000)).toBeLessThan(60);
  } finally {
    Date.now = wall;
  }
});
