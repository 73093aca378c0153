/** Any stretch of the past, in few requests: the same trace as the run that watched it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openHttp } from '../../../src/http/index.ts';
import type { PodOptions } from '../../../src/verify-canary/collect/pods.ts';
import { prometheusSource } from '../../../src/verify-canary/collect/prometheus.ts';
import { openPrometheus } from '../../../src/verify-canary/collect/promql.ts';
import { parseMatchers } from '../../../src/verify-canary/collect/selector.ts';
import {
  canonicalLine,
  createJudge,
  type Interval,
  type JudgeConfig,
  type TraceLine,
} from '../../../src/verify-canary/core/index.ts';
import type { Since } from '../../../src/verify-canary/prometheus-inputs.ts';
import { Prom } from '../support/prom.ts';
import { ERRORS, LATENCY, rules, steppingClock, T } from '../support/world.ts';

const HOUR = 3600;
let now = T;
let prom: Prom;
beforeAll(async () => {
  prom = await new Prom(() => now).listen();
  const span = { from: T - 600, to: T + 2900, every: 15 };
  const errors = (at: number): number => (Math.floor(at / 60) % 3 === 0 ? 0.01 : 0.002);
  prom.add({ track: 'stable', pod: 's-1', ...span, rate: 96, errors });
  prom.add({ track: 'canary', pod: 'c-1', ...span, rate: 5, errors });
  // A pod that ends, comes back with other series and fewer samples, and then has one that it did not have before.
  prom.add({ track: 'canary', pod: 'c-2', from: T - 600, to: T + 1200, rate: 3, every: 15 });
  for (let at = T + 1500; at <= T + 2900; at += 15) {
    const labels = { app: 'shop', track: 'canary', pod: 'c-2' };
    prom.store.append('http_requests_total', { ...labels, code: '404' }, at, at - T - 1500);
    if (at >= T + 2205) prom.store.append('http_requests_total', { ...labels, code: '503' }, at, 7 + (at - T - 2205));
  }
});
afterAll(() => prom[Symbol.asyncDispose]());

const config = rules([ERRORS, LATENCY], ['share: {mode: observe}', 'warmup: 30s']);
const SINCE: Since[] = [
  { weight: 5, at: T },
  { weight: 10, at: T + 187 },
];

interface Read {
  lines: TraceLine[];
  text: string;
  queries: number;
}

/** Reads to the end of the window, or so many lines. */
async function read(
  start: number,
  more: {
    until?: number;
    baseline?: number;
    most?: number;
    since?: Since[];
    weight?: number;
    stable?: string;
    judge?: Partial<JudgeConfig>;
    pods?: PodOptions;
  },
): Promise<Read> {
  now = start;
  prom.asked.length = 0;
  const clock = steppingClock(start, (seconds) => {
    now += seconds;
  });
  const http = openHttp();
  try {
    const {
      most = Number.POSITIVE_INFINITY,
      since = SINCE,
      weight = 10,
      stable = 'track="stable"',
      judge,
      ...window
    } = more;
    const source = prometheusSource({
      client: openPrometheus(http, new URL(prom.url), {}, clock),
      config: { ...config, judge: { ...config.judge, ...judge } },
      arms: { stable: parseMatchers(stable), canary: parseMatchers('track="canary"') },
      since,
      context: { step: '10', weight, t0: null, lastEnd: null, fault: () => {} },
      clock,
      ...window,
    });
    const lines: TraceLine[] = [];
    const { signal } = new AbortController();
    while (lines.length < most) {
      const line = await source.next(signal);
      if (line === null) break;
      lines.push(line);
    }
    const text = lines.map((line) => `${canonicalLine(line)}\n`).join('');
    return { lines, text, queries: prom.asked.filter((a) => a.time !== '').length };
  } finally {
    await http.close();
  }
}

const intervals = (lines: readonly TraceLine[]): Interval[] => lines.filter((l): l is Interval => !('type' in l));

describe('T34 a window of the past', () => {
  test('tells what the run told that watched it, and ends', async () => {
    const until = T + 2760;
    const since: Since[] = [{ weight: 10, at: T }];
    const past = await read(T + 3 * HOUR, { since, until });
    const live = await read(T, { since, most: past.lines.length });
    expect(intervals(past.lines).at(-1)).toMatchObject({ end: until });
    expect(past.text).toBe(live.text);
    // Four selectors and the start times of both versions: all of a step at once, instead of interval by interval.
    expect(past.queries).toBeLessThanOrEqual(2 * 8);
    expect(live.queries).toBeGreaterThan(20 * past.queries);
    const judge = createJudge(config.judge);
    const again = createJudge(config.judge);
    for (const line of past.lines) judge.observe(line);
    for (const line of live.lines) again.observe(line);
    expect(judge.verdict()).toEqual(again.verdict());
  });

  test('a series that is new on a pod that came back counts from 0, however much is read at once', async () => {
    const { lines } = await read(T + 3 * HOUR, { until: T + 2760 });
    const born = intervals(lines).find((line) => line.start < T + 2205 && line.end >= T + 2205);
    // 7 at its first sample.
    const canary = born?.metrics?.errors?.canary ?? { n: 0, e: 0 };
    expect('e' in canary && canary.e).toBeGreaterThanOrEqual(7);
  });

  test('property: where the window ends changes nothing of what is before', async () => {
    const whole = await read(T + 3 * HOUR, { until: T + 2760 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 190, max: 2700 }), async (seconds) => {
        const part = await read(T + 3 * HOUR, { until: T + seconds });
        expect(intervals(part.lines).at(-1)).toMatchObject({ end: T + seconds });
        const last = part.text.trimEnd().lastIndexOf('\n') + 1;
        expect(whole.text.startsWith(part.text.slice(0, last))).toBe(true);
      }),
      { numRuns: 5 },
    );
  });

  test('a window that ends a moment ago is waited for; none begins or ends in the future', async () => {
    const soon = await read(T + 400, { until: T + 395 });
    expect(intervals(soon.lines).at(-1)).toMatchObject({ end: T + 395 });
    await expect(read(T + 400, { until: T + 4000 })).rejects.toMatchObject({ code: 'E_SINCE_INVALID' });
    await expect(read(T + 400, { until: T + 100 })).rejects.toMatchObject({ code: 'E_SINCE_INVALID' });
  });
});

describe('how much is asked for at once', () => {
  const since: Since[] = [{ weight: 10, at: T + HOUR }];
  const ranges = (): number[] =>
    prom.asked.flatMap(({ query }) => {
      const seconds = /\[(\d+)s\]$/.exec(query)?.[1];
      return seconds === undefined ? [] : [Number(seconds)];
    });

  test('an hour at first, then more, never above six', async () => {
    const { lines, queries } = await read(T + 40 * HOUR, { since, until: T + 27 * HOUR });
    expect(intervals(lines)).toHaveLength((26 * HOUR) / 15);
    expect(ranges()[0]).toBeLessThanOrEqual(HOUR);
    expect(Math.max(...ranges())).toBeGreaterThan(5 * HOUR);
    expect(Math.max(...ranges())).toBeLessThanOrEqual(6 * HOUR);
    expect(queries).toBeLessThanOrEqual(8 * 8);
  });

  test('not more while the answers are large', async () => {
    const values = Array.from({ length: 110_000 }, (_, i) => [T + HOUR + i / 40, String(i)]);
    const result = [{ metric: { pod: 's-1' }, values }];
    const body = JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } });
    prom.fault = ({ query }) => (/^http_requests_total\{track="stable"\}/.test(query) ? { body } : undefined);
    try {
      await read(T + 40 * HOUR, { since, until: T + 3 * HOUR });
      expect(Math.max(...ranges())).toBeLessThanOrEqual(HOUR);
    } finally {
      prom.fault = () => undefined;
    }
  });
});

describe('the stable version from before the canary', () => {
  test('as lines of weight 0 without a canary, before the first step, and nothing else changes', async () => {
    const until = T + 600;
    const plain = await read(T + 3 * HOUR, { until });
    const { lines } = await read(T + 3 * HOUR, { until, baseline: 300 });
    const before = intervals(lines).filter((line) => line.weight === 0);
    expect(before.map((line) => [line.step, line.start, line.end])).toEqual(
      Array.from({ length: 20 }, (_, i) => [null, T - 300 + i * 15, T - 285 + i * 15]),
    );
    expect(before[3]).toMatchObject({
      traffic: { stable: 1440, canary: 0 },
      metrics: { errors: { stable: { n: 1440 }, canary: null }, latency: { canary: null } },
    });
    const rest = lines.slice(20).map((line) => `${canonicalLine(line)}\n`);
    expect(rest.join('')).toBe(plain.text);
  });

  test('a pod that is born in it counts from 0, and after its warm-up', async () => {
    for (let at = T - 210; at <= T + 100; at += 15) {
      const labels = { app: 'shop', track: 'late', pod: 'l-1', code: '200' };
      prom.store.append('http_requests_total', labels, at, 500 + 10 * (at - (T - 210)));
      prom.store.append('process_start_time_seconds', { ...labels }, at, T - 211);
    }
    const { lines } = await read(T + 3 * HOUR, {
      since: [{ weight: 10, at: T }],
      until: T + 15,
      baseline: 300,
      stable: 'track="late"',
    });
    const counted = intervals(lines).filter((line) => line.weight === 0 && line.gap === undefined);
    expect(
      counted.slice(0, 4).map((line) => [line.end - T, line.traffic?.stable, line.metrics?.errors?.stable]),
    ).toEqual([
      [-210, 500, null],
      [-195, 150, null],
      [-180, 150, null],
      [-165, 150, { n: 150, e: 0 }],
    ]);
  });

  test('the time before there was a stable version has no lines; one in which it was away is a gap', async () => {
    const born = T - 600;
    for (let at = born; at <= T + 100; at += 15) {
      if (at > born + 120 && at <= born + 300) continue;
      const labels = { app: 'shop', track: 'broken', pod: 'b-1', code: '200' };
      prom.store.append('http_requests_total', labels, at, 10 * (at - born));
      prom.store.append('process_start_time_seconds', { ...labels }, at, born);
    }
    const { lines } = await read(T + 3 * HOUR, {
      since: [{ weight: 10, at: T }],
      until: T + 15,
      baseline: 7200,
      stable: 'track="broken"',
    });
    const before = intervals(lines).filter((line) => line.weight === 0);
    expect(before[0]).toMatchObject({ start: born - 15 });
    expect(before[0]).not.toHaveProperty('gap');
    const gaps = before.filter((line) => line.gap === 'stable-absent');
    expect(gaps.length).toBeGreaterThan(0);
    expect(gaps.every((line) => line.start >= born + 120 && line.end <= born + 330)).toBe(true);
    expect(before.at(-1)?.end).toBe(T);
  });
});

test('a Rollout without a weight yet: both versions are read', async () => {
  const { lines } = await read(T + 3 * HOUR, { until: T + 60, since: [{ weight: 0, at: T }], weight: 0 });
  expect(lines[1]).toMatchObject({ metrics: { errors: { stable: { n: 1440 }, canary: { n: 120 } } } });
});

test.each([
  ['before-after', 100],
  ['pre-promotion', null],
] as const)('mode %s: the lines have no stable, and are no gaps', async (mode, weight) => {
  const http = openHttp();
  now = T + HOUR;
  try {
    const clock = steppingClock(now);
    const source = prometheusSource({
      client: openPrometheus(http, new URL(prom.url), {}, clock),
      config: { ...config, judge: { ...config.judge, mode } },
      arms: { stable: parseMatchers('track="gone"'), canary: parseMatchers('track="canary"') },
      since: [{ weight, at: T }],
      until: T + 60,
      context: { step: 'new', weight, t0: null, lastEnd: null, fault: () => {} },
      clock,
    });
    await source.next(new AbortController().signal);
    const line = await source.next(new AbortController().signal);
    expect(line).toMatchObject({
      weight,
      traffic: { stable: 0, canary: 120 },
      metrics: { errors: { stable: null } },
    });
    expect(line).not.toHaveProperty('gap');
  } finally {
    await http.close();
  }
});

describe('before-after', () => {
  const full = { since: [{ weight: 100, at: T }], weight: 100 };

  test('with matchers that both find the canary: the baseline is of all pods, a line of the canary of its own', async () => {
    const notes: string[] = [];
    const { lines } = await read(T + HOUR, {
      ...full,
      until: T + 60,
      baseline: 60,
      stable: 'track=~"stable|canary"',
      judge: { mode: 'before-after' },
      pods: { note: (text) => notes.push(text), nodes: false },
    });
    const [before, after] = [0, 100].map((weight) => intervals(lines).filter((line) => line.weight === weight));
    expect(before?.at(-1)?.traffic).toEqual({ stable: 1560, canary: 0 });
    expect(after?.at(-1)?.traffic).toEqual({ stable: 0, canary: 120 });
    expect(Object.keys(before?.at(-1)?.pods?.stable ?? {}).length).toBeGreaterThan(1);
    expect(before?.at(-1)?.pods?.canary).toEqual({});
    expect(Object.keys(after?.at(-1)?.pods?.canary ?? {}).length).toBeGreaterThan(0);
    expect(after?.at(-1)?.pods?.stable).toEqual({});
    expect(notes.filter((text) => text.includes('same pods'))).toEqual([]);
  });

  test('the time in which the new weight became real is none of the time before', async () => {
    const judge = { mode: 'before-after', settle: 60 } as const;
    const { lines } = await read(T + HOUR, { ...full, until: T + 30, baseline: 300, judge });
    const spans = intervals(lines).map((line) => [line.weight, line.start - T, line.end - T]);
    expect([spans[0], spans[15], spans[16], spans.length]).toEqual([[0, -300, -285], [0, -75, -60], [100, 0, 15], 18]);
    // The run begins with its step.
    expect(lines[16]).toEqual({ v: 1, type: 'event', at: T, event: 'run' });
  });
});
