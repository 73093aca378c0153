/** The source `scrape` through the whole run: pages from memory, time from the test. */
import { describe, expect, test } from '@jest/globals';
import { HttpError } from '../../../src/http/index.ts';
import { systemClock } from '../../../src/runner/index.ts';
import { Pod } from '../support/pod.ts';
import { INPUTS, type Play, play } from '../support/scrape.ts';
import { ERRORS, LATENCY, memoryHttp, podsHttp, rules, T, watch } from '../support/world.ts';

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

test.each([
  ['15s', 10_000],
  ['2s', 2000],
])('T22 a page is waited for 10 s, and never longer than an interval: %s', async (interval, ms) => {
  const waits: unknown[] = [];
  const http = memoryHttp(({ timeouts }) => {
    waits.push(timeouts);
    throw new HttpError('timeout', 'no answer');
  });
  await watch(INPUTS, { config: rules([ERRORS], [`interval: ${interval}`, 'blind: 30s']), openHttp: http });
  expect(waits.length).toBeGreaterThan(2);
  expect(new Set(waits.map((w) => JSON.stringify(w)))).toEqual(new Set([JSON.stringify({ headers: ms, body: ms })]));
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
