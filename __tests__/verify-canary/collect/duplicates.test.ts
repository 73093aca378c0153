/** One counter that is stored twice is refused; two counters that look alike are not. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findDuplicates } from '../../../src/verify-canary/collect/duplicates.ts';
import type { RawSeries } from '../../../src/verify-canary/collect/promql.ts';
import type { Point } from '../../../src/verify-canary/collect/series.ts';
import { Prom, promInputs } from '../support/prom.ts';
import { ERRORS, rules, steppingClock, T, watch } from '../support/world.ts';

const NAME = 'http_requests_total';

/** Samples of a counter that grows by `rate` a second. */
function points(rate: number, offset = 0, from = 1000, n = 8): Point[] {
  return Array.from({ length: n }, (_, i): Point => {
    const at = T + offset + i * 15;
    return [at, Math.floor(from + (at - T) * rate)];
  });
}

const series = (labels: Record<string, string>, own: readonly Point[] = points(10)): RawSeries => ({
  labels: { __name__: NAME, ...labels },
  points: [...own],
});

const check =
  (all: readonly RawSeries[]): (() => void) =>
  () =>
    findDuplicates(all, NAME);

describe('refused', () => {
  const base = { code: '200', pod: 's-1', instance: '10.0.0.1:80', job: 'shop' };
  test.each<[string, Record<string, string>, Record<string, string>, string]>([
    [
      'two servers',
      { prometheus_replica: 'prometheus-0' },
      { prometheus_replica: 'prometheus-1' },
      'prometheus_replica',
    ],
    ['two servers, other name', { __replica__: 'a' }, { __replica__: 'b' }, '__replica__'],
    ['one server without the label', {}, { prometheus_replica: 'b' }, 'prometheus_replica'],
    ['a likely name', { replica: 'a' }, { replica: 'b' }, 'replica'],
    ['two jobs, one address', { job: 'shop' }, { job: 'kubernetes-pods' }, 'job'],
    [
      'two jobs, two addresses of a pod',
      { job: 'a' },
      { job: 'b', instance: '10.0.0.1:8080', endpoint: 'http' },
      'job',
    ],
  ])('%s', (_, a, b, label) => {
    const all = [
      series({ ...base, pod: 's-2', instance: '10.0.0.2:80' }, points(3)),
      series({ ...base, ...a }),
      series({ ...base, ...b }, points(10, 7)),
    ];
    expect(check(all)).toThrow(expect.objectContaining({ code: 'E_SERIES_DUPLICATE' }));
    expect(check(all)).toThrow(`(label ${label})`);
    expect(check(all)).toThrow('would count twice');
  });

  test('two servers even while nothing happens: the label says it', () => {
    const idle = points(0);
    expect(check([series({ prometheus_replica: 'a' }, idle), series({ prometheus_replica: 'b' }, idle)])).toThrow(
      'prometheus_replica',
    );
  });

  test('over a reset of the counter', () => {
    const own = points(10).map(([at, v], i): Point => [at, i < 4 ? v : v - 1035]);
    const other = points(10, 7).map(([at, v], i): Point => [at, i < 4 ? v : v - 1035]);
    expect(check([series({ job: 'a', pod: 'p' }, own), series({ job: 'b', pod: 'p' }, other)])).toThrow(
      'jobs "a" and "b"',
    );
  });

  test('T35 label values stay inert', () => {
    const value = 'a"\n::error::x';
    expect(check([series({ prometheus_replica: value }), series({ prometheus_replica: 'b' })])).toThrow(/^[^\n]+$/);
  });
});

describe('T38 not refused', () => {
  test.each<[string, RawSeries[]]>([
    ['two pods under the same load', [series({ pod: 'a', job: 'x' }), series({ pod: 'b', job: 'x' }, points(10, 7))]],
    ['two pods, two jobs', [series({ pod: 'a', job: 'x' }), series({ pod: 'b', job: 'y' }, points(10, 7))]],
    ['two codes of one pod', [series({ pod: 'a', code: '200' }), series({ pod: 'a', code: '503' }, points(10, 7))]],
    [
      'two ports of one pod, one job',
      [series({ pod: 'a', instance: 'a:1', job: 'x' }), series({ pod: 'a', instance: 'a:2', job: 'x' }, points(10, 7))],
    ],
    [
      'two jobs that count different things',
      [series({ pod: 'a', job: 'x' }), series({ pod: 'a', job: 'y' }, points(9, 7, 20))],
    ],
    [
      'two jobs while nothing happens',
      [series({ pod: 'a', job: 'x' }, points(0)), series({ pod: 'a', job: 'y' }, points(0, 7))],
    ],
    [
      'two jobs, too few samples to say',
      [series({ pod: 'a', job: 'x' }, points(10, 0, 5, 3)), series({ pod: 'a', job: 'y' }, points(10, 7, 5, 3))],
    ],
    ['a job after another', [series({ pod: 'a', job: 'x' }), series({ pod: 'a', job: 'y' }, points(10, 600))]],
    [
      'replicas of a database, each with its own load',
      [series({ replica: 'a' }), series({ replica: 'b' }, points(11, 7, 700))],
    ],
    ['one', [series({ prometheus_replica: 'a' })]],
  ])('%s', (_, all) => {
    expect(check(all)).not.toThrow();
  });

  test('property: one counter read by two jobs is found, whatever its path and their offset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30), { minLength: 100, maxLength: 140 }),
        fc.integer({ min: 1, max: 14 }),
        (steps, offset) => {
          fc.pre(steps.some((s) => s > 0));
          const totals: number[] = [];
          for (const step of steps) totals.push((totals.at(-1) ?? 0) + step);
          const read = (o: number): Point[] =>
            totals.flatMap((value, i): Point[] => (i >= o && (i - o) % 15 === 0 ? [[T + i, value]] : []));
          const [a, b] = [read(0), read(offset)];
          fc.pre(new Set(b.slice(0, -1).map(([, v]) => v)).size > 1);
          expect(check([series({ pod: 'p', job: 'x' }, a), series({ pod: 'p', job: 'y' }, b)])).toThrow('(label job)');
        },
      ),
      { numRuns: 100 },
    );
  });
});

test('the whole run is red before anything is judged, and names the label', async () => {
  let now = T;
  await using prom = await new Prom(() => now).listen();
  const span = { from: T - 300, to: T + 300, rate: 40 };
  prom.add({ track: 'stable', pod: 's-1', ...span });
  prom.add({ track: 'canary', pod: 'c-1', ...span });
  for (const track of ['stable', 'canary'] as const) {
    for (let at = T - 298; at <= T + 300; at += 5) {
      const labels = { app: 'shop', track, pod: `${track.slice(0, 1)}-1`, job: 'second' };
      const n = 1000 + Math.floor((at - (T - 300)) / 5) * 200;
      prom.store.append('http_requests_total', { ...labels, code: '200' }, at, n);
    }
  }
  const clock = steppingClock(T, (seconds) => {
    now += seconds;
  });
  const { error, intervals } = await watch(promInputs(prom), { config: rules([ERRORS]), clock });
  expect(error).toMatchObject({ code: 'E_SERIES_DUPLICATE' });
  expect((error as Error).message).toContain('label job');
  expect(intervals).toEqual([]);
});

test('one that is too young to tell at the first look is found at a later one', async () => {
  let now = T;
  await using prom = await new Prom(() => now).listen();
  prom.add({ track: 'stable', pod: 's-1', from: T - 300, to: T + 600, rate: 80 });
  for (const [job, offset] of [
    ['shop', 0],
    ['shop-canary', 4],
  ] as const) {
    for (let at = T - 12 + offset; at <= T + 600; at += 15) {
      const labels = { app: 'shop', track: 'canary', pod: 'c-1', job, code: '200' };
      prom.store.append('http_requests_total', labels, at, (at - T + 12) * 20);
    }
  }
  const clock = steppingClock(T, (seconds) => {
    now += seconds;
  });
  const config = rules([ERRORS], ['share: {mode: observe}', 'steps: [{weight: 20, min: 5m, max: 8m}]']);
  const { error } = await watch(promInputs(prom), { config, clock });
  expect(error).toMatchObject({ code: 'E_SERIES_DUPLICATE' });
});
