/** T23: a bound that only some series have counts only their requests, beside the requests of all: no such share is told. */
import { describe, expect, test } from '@jest/globals';
import { Prom, promInputs } from '../support/prom.ts';
import { play } from '../support/scrape.ts';
import { LATENCY, type Outcome, rules, steppingClock, T, watch } from '../support/world.ts';

const CONFIG = rules([LATENCY], ['traffic: http_requests_total', 'steps: [{weight: 20, min: 1m, max: 10m}]']);
const BUCKET = 'http_request_duration_seconds_bucket';
const SAME = ['0.25', '0.5', '+Inf'];

type Layout = readonly [track: string, pod: string, route: string, les: readonly string[]];

async function withLayouts(...layouts: readonly Layout[]): Promise<Outcome> {
  let now = T;
  await using prom = await new Prom(() => now).listen();
  for (let at = T - 300; at <= T + 1200; at += 5) {
    const n = (at - T + 300) * 20;
    for (const [track, pod, route, les] of layouts) {
      prom.store.append('http_requests_total', { track, pod, route }, at, n);
      for (const le of les) prom.store.append(BUCKET, { track, pod, route, le }, at, n);
    }
  }
  const clock = steppingClock(T, (seconds) => {
    now += seconds;
    if (now > T + 7200) throw new Error('the run does not end');
  });
  return await watch({ ...promInputs(prom, '50') }, { config: CONFIG, clock });
}

describe('in Prometheus', () => {
  test('two pods with different buckets: red, naming the series and what it has', async () => {
    const { error, intervals } = await withLayouts(
      ['stable', 's-1', '/', SAME],
      ['stable', 's-2', '/', ['0.25', '1', '+Inf']],
      ['canary', 'c-1', '/', SAME],
    );
    expect(error).toMatchObject({ code: 'E_LE_NOT_FOUND' });
    expect((error as Error).message).toContain(`${BUCKET}{pod="s-2",route="/",track="stable"}`);
    expect((error as Error).message).toContain('has no le="0.5"; it has 0.25, 1, +Inf');
    expect(intervals).toEqual([]);
  });

  test('two routes of one pod with different buckets', async () => {
    const { error } = await withLayouts(
      ['stable', 's-1', '/a', SAME],
      ['canary', 'c-1', '/a', SAME],
      ['canary', 'c-1', '/b', ['1', '+Inf']],
    );
    expect(error).toMatchObject({ code: 'E_LE_NOT_FOUND' });
    expect((error as Error).message).toContain('route="/b"');
  });

  test('further buckets beside those of le are nobody’s harm', async () => {
    const { error, verdict } = await withLayouts(
      ['stable', 's-1', '/', SAME],
      ['stable', 's-2', '/', ['0.1', ...SAME]],
      ['canary', 'c-1', '/', SAME],
      ['canary', 'c-2', '/', [...SAME, '5']],
    );
    expect(error).toBeUndefined();
    expect(verdict.verdict).toBe('pass');
  });
});

test('on pages: red, naming the target', async () => {
  const { error } = await play({
    config: CONFIG,
    stable: 2,
    meanwhile: (pods) => {
      for (const series of [...(pods[1]?.counters.keys() ?? [])]) {
        if (series.includes('le="0.5"')) pods[1]?.counters.delete(series);
      }
    },
  });
  expect(error).toMatchObject({ code: 'E_LE_NOT_FOUND' });
  expect((error as Error).message).toContain('of pod 127.0.0.2');
  expect((error as Error).message).toContain('{route="/v1/equalize"}');
});
