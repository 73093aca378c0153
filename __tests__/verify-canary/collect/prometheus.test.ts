/** The source `prometheus` through the whole run, against an API on loopback; time is the test's. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import { Prom, promInputs } from '../support/prom.ts';
import { ERRORS, LATENCY, type Outcome, rules, steppingClock, T, watch } from '../support/world.ts';

let now = T;
let prom: Prom;
beforeEach(async () => {
  now = T;
  prom = await new Prom(() => now).listen();
});
afterEach(() => prom[Symbol.asyncDispose]());

const STEP = 'steps: [{weight: 20, min: 1m, max: 10m}]';

/** Even traffic from five minutes before the run on. @param errors share of failed requests on the canary, by time */
function traffic(minutes: number, errors?: (at: number) => number): void {
  const span = { from: T - 300, to: T + minutes * 60 };
  prom.add({ track: 'stable', pod: 's-1', ...span, rate: 48 });
  prom.add({ track: 'stable', pod: 's-2', ...span, rate: 32 });
  prom.add({ track: 'canary', pod: 'c-1', ...span, rate: 20, ...(errors ? { errors } : {}) });
}

interface Play {
  config?: CanaryConfig;
  inputs?: Record<string, string>;
  /** Our clock - the server's. */
  ours?: number;
  meanwhile?: (seconds: number, stop: () => void) => void;
}

function play({ config = rules([ERRORS], [STEP]), inputs = {}, ours = 0, meanwhile }: Play = {}): Promise<Outcome> {
  const controller = new AbortController();
  const clock = steppingClock(now + ours, (seconds) => {
    now += seconds;
    meanwhile?.(now - T, () => controller.abort(new Error('stopped')));
    if (now > T + 7200) throw new Error('the run does not end');
  });
  return watch({ ...promInputs(prom), ...inputs }, { config, clock, signal: controller.signal });
}

test('counts the increases of raw samples, at one time for both versions', async () => {
  traffic(20);
  const { lines, intervals, verdict } = await play({ config: rules([ERRORS, LATENCY], [STEP]) });
  expect(lines.slice(0, 2)).toMatchObject([
    { v: 1, type: 'event', at: T, event: 'run' },
    {
      v: 1,
      step: '20',
      weight: 20,
      start: T,
      end: T + 15,
      traffic: { stable: 1200, canary: 300 },
      metrics: {
        errors: { stable: { n: 1200, e: 0 }, canary: { n: 300, e: 0 } },
        latency: {
          stable: { n: 1200, le: { '0.25': 1200, '0.5': 1200 } },
          canary: { n: 300, le: { '0.25': 300, '0.5': 300 } },
        },
      },
    },
  ]);
  expect(intervals.map((line) => line.start)).toEqual(intervals.map((_, i) => T + i * 15));
  expect(verdict).toMatchObject({ verdict: 'pass', reason: 'healthy' });
  // What is asked for times before is the look ahead; a query without a version asks where pods run.
  const queries = prom.asked.filter((a) => Number(a.time) > T && a.query.includes('track='));
  expect(queries.every((a) => /\{.*track="(stable|canary)".*\}\[\d+s\]$/.test(a.query))).toBe(true);
  expect(queries.map((a) => a.query).join()).not.toMatch(/rate|increase/);
  expect(new Set(queries.map((a) => a.time)).size).toBe(intervals.length);
});

test('the newest moment read is lag behind the server', async () => {
  traffic(20);
  await play({ config: rules([ERRORS], ['lag: 40s', 'steps: [{weight: 20, min: 1m, max: 2m}]']) });
  // Before that comes the look ahead, of which every time has passed.
  const [first] = prom.asked.filter((a) => a.time !== '' && Number(a.time) > T);
  expect(Number(first?.time)).toBe(T + 15);
  expect(prom.asked.filter((a) => a.query === 'time()')).not.toHaveLength(0);
});

test('a canary that fails is failed', async () => {
  traffic(20, (at) => (at > T + 30 ? 0.3 : 0));
  const { verdict, result } = await play();
  expect(verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors', culprits: ['errors'] });
  expect(result.message).toMatch(/^FAIL after .* at 20 %: errors/);
});

test('T21 a pod born in the rollout counts from 0, one that restarted in full, both after their warm-up', async () => {
  traffic(20);
  prom.add({ track: 'canary', pod: 'c-2', from: T + 40, to: T + 1200, rate: 20, started: T + 38 });
  const { intervals } = await play({
    config: rules([ERRORS], [STEP, 'warmup: 30s', 'share: {mode: observe}']),
  });
  const canary = intervals.map((line) => [line.traffic?.canary, line.metrics?.errors?.canary]);
  // 1000 at its first sample, then 20 a second.
  expect(canary.slice(2, 5)).toEqual([
    [1400, { n: 300, e: 0 }],
    [600, { n: 300, e: 0 }],
    [600, { n: 600, e: 0 }],
  ]);
});

describe('T27 only the server has a clock', () => {
  test.each([-600, 600])('ours is %d s off: the same trace', async (ours) => {
    traffic(20);
    const right = await play();
    now = T;
    const wrong = await play({ ours });
    expect(wrong.text).toBe(right.text);
    expect(wrong.result.json).toBe(right.result.json);
  });

  test('it is set back in the middle: nothing newer than its lag is read, and no line overlaps', async () => {
    traffic(20);
    const early: string[] = [];
    prom.fault = ({ time }) => {
      if (time !== '' && Number(time) > now - 25 + 1e-6) early.push(time);
      return undefined;
    };
    let set = false;
    const { intervals } = await play({
      meanwhile(seconds) {
        if (set || seconds < 70) return;
        set = true;
        now -= 45;
      },
    });
    expect(set).toBe(true);
    expect(early).toEqual([]);
    expect(intervals.map((line) => line.start)).toEqual(intervals.map((_, i) => T + i * 15));
  });

  test.each([-600, 600])('ours is %d s off: a cancelled run ends in server time', async (ours) => {
    traffic(20);
    const { lines } = await play({ ours, meanwhile: (seconds, stop) => (seconds > 60 ? stop() : undefined) });
    expect(lines.at(-1)).toMatchObject({ type: 'event', event: 'cancelled' });
    const { at } = lines.at(-1) as { at: number };
    expect(Math.abs(at - now)).toBeLessThanOrEqual(1);
  });
});

describe('T28 Prometheus is down', () => {
  const down = (from: number, to: number): void => {
    prom.fault = () => (now - T > from && now - T <= to ? 'hang-up' : undefined);
  };

  test('for 2 minutes of blind 5m: gaps, less coverage, then judged on', async () => {
    traffic(30);
    down(60, 180);
    const config = rules([ERRORS], ['blind: 5m', 'steps: [{weight: 20, min: 4m, max: 20m}]']);
    const { intervals, verdict, log } = await play({ config });
    const gaps = intervals.filter((line) => line.gap !== undefined);
    expect(gaps.length).toBeGreaterThanOrEqual(1);
    expect(new Set(gaps.map((line) => line.gap))).toEqual(new Set(['query-error']));
    expect(verdict).toMatchObject({ verdict: 'pass' });
    expect(verdict.coverage).toBeLessThan(1);
    expect(intervals.at(-1)?.gap).toBeUndefined();
    expect(log.annotations.filter((a) => a.code === 'W_METRICS_FAULT')).toHaveLength(1);
  });

  test('for 6 minutes: hold blind', async () => {
    traffic(30);
    down(60, 420);
    const config = rules([ERRORS], ['blind: 5m', 'steps: [{weight: 20, min: 10m, max: 20m}]']);
    const { verdict, intervals } = await play({ config });
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'blind' });
    expect(intervals.at(-1)?.gap).toBe('query-error');
  });

  test('from the start: hold blind, although our clock must do', async () => {
    prom.fault = () => 'hang-up';
    const { verdict } = await play();
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'blind' });
  });
});

test('a selector that nothing matches: one warning with the names that exist', async () => {
  traffic(20);
  prom.names = ['up', 'http_requests_total', 'http_request_total', 'go_gc'];
  const { verdict, log } = await play({
    config: rules([
      '{name: errors, kind: ratio, events: \'http_reqests_total{code="5"}\', total: http_reqests_total, slo: 0.1}',
    ]),
  });
  expect(verdict).toMatchObject({ verdict: 'no-data', reason: 'absent' });
  const warnings = log.annotations.filter((a) => a.code === 'W_SELECTOR_EMPTY');
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.message).toContain('near: http_requests_total, http_request_total');
});
