/** A series that counts for both versions is refused; a proxy of both, which has its own series for each, is not. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Prom, promInputs } from '../support/prom.ts';
import { ERRORS, type Outcome, rules, steppingClock, T, watch } from '../support/world.ts';

let now = T;
let prom: Prom;
beforeEach(async () => {
  now = T;
  prom = await new Prom(() => now).listen();
});
afterEach(() => prom[Symbol.asyncDispose]());

const CONFIG = rules([ERRORS], ['steps: [{weight: 20, min: 1m, max: 10m}]']);

function play(stable: string, canary: string, more: Record<string, string> = {}): Promise<Outcome> {
  const clock = steppingClock(now, (seconds) => {
    now += seconds;
    if (now > T + 7200) throw new Error('the run does not end');
  });
  const inputs = { ...promInputs(prom), 'stable-selector': stable, 'canary-selector': canary, ...more };
  return watch(inputs, { config: CONFIG, clock });
}

function traffic(): void {
  prom.add({ track: 'stable', pod: 's-1', from: T - 300, to: T + 1200, rate: 80 });
  prom.add({ track: 'canary', pod: 'c-1', from: T - 300, to: T + 1200, rate: 20, errors: () => 0.02 });
}

test.each([
  ['app="shop"', 'app="shop",track="canary"', 'Add track!="canary" to stable-selector'],
  ['app=~"sh.*"', 'track="canary"', 'Add track!="canary" to stable-selector'],
  ['app="shop",track="canary"', 'app="shop"', 'Add track!="canary" to canary-selector'],
])('stable %s and canary %s: red at once, and what to add', async (stable, canary, fix) => {
  traffic();
  const { error, intervals } = await play(stable, canary);
  expect(error).toMatchObject({ code: 'E_SELECTOR_INVALID' });
  const { message } = error as Error;
  expect(message).toContain('http_requests_total{app="shop",code="200",pod="c-1",track="canary"}');
  expect(message).toContain(fix);
  expect(intervals).toEqual([]);
});

test('what the fix names is taken, and the worse canary is seen', async () => {
  traffic();
  const { error, verdict } = await play('app="shop",track!="canary"', 'app="shop",track="canary"');
  expect(error).toBeUndefined();
  expect(verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
});

test('a proxy of both versions has a series for each of them', async () => {
  for (let at = T - 300; at <= T + 1200; at += 5) {
    for (const [backend, rate] of [
      ['v1', 80],
      ['v2', 20],
    ] as const) {
      const labels = { pod: 'proxy-1', backend, code: '200' };
      prom.store.append('http_requests_total', labels, at, (at - T + 300) * rate);
    }
  }
  const { error, verdict, intervals } = await play('backend="v1"', 'backend="v2"');
  expect(error).toBeUndefined();
  expect(verdict.verdict).toBe('pass');
  expect(intervals[0]).toMatchObject({ traffic: { stable: 1200, canary: 300 } });
});

test('one version after the other may have the same series: they are never counted at once', async () => {
  for (let at = T - 3600; at <= T + 3600; at += 5) {
    prom.store.append('http_requests_total', { app: 'shop', pod: 's-0', code: '200' }, at, (at - T + 3600) * 60);
  }
  const { error } = await play('app="shop"', 'app=~"shop"', { mode: 'before-after', 'expected-weight': '' });
  expect(error).toBeUndefined();
});
