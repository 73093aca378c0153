/** Both versions always cover the same time, also where a scrape is missing or Prometheus itself was down. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import { Prom, promInputs } from '../support/prom.ts';
import { ERRORS, type Outcome, rules, steppingClock, T, watch } from '../support/world.ts';

let now = T;
let prom: Prom;
beforeEach(async () => {
  now = T;
  prom = await new Prom(() => now).listen();
});
afterEach(() => prom[Symbol.asyncDispose]());

const STEP = 'steps: [{weight: 20, min: 1m, max: 10m}]';

interface Scrapes {
  every: number;
  /** Seconds after T - 300 of the first sample, by version. */
  phase?: { stable: number; canary: number };
  /** Nobody scrapes between these seconds after T. */
  hole?: readonly [from: number, to: number];
  /** The canary has no sample after that. */
  end?: number;
}

/** 400 requests a second, 20 % of them the canary's. */
function traffic({ every, phase = { stable: 0, canary: 0 }, hole = [0, 0], end = 1200 }: Scrapes): void {
  for (const [track, rate] of [
    ['stable', 320],
    ['canary', 80],
  ] as const) {
    const labels = { app: 'shop', track, pod: `${track}-1` };
    for (let at = T - 300 + phase[track]; at <= T + (track === 'canary' ? end : 1200); at += every) {
      if (at > T + hole[0] && at < T + hole[1]) continue;
      const n = Math.round((at - T + 400) * rate);
      prom.store.append('http_requests_total', { ...labels, code: '200' }, at, n);
      prom.store.append('process_start_time_seconds', labels, at, T - 90_000);
    }
  }
}

function play(config: CanaryConfig, inputs: Record<string, string> = {}): Promise<Outcome> {
  const clock = steppingClock(now, (seconds) => {
    now += seconds;
    if (now > T + 7200) throw new Error('the run does not end');
  });
  return watch({ ...promInputs(prom), ...inputs }, { config, clock });
}

const gapsOf = ({ intervals }: Outcome): [number, string][] =>
  intervals.flatMap((line) => (line.gap === undefined ? [] : [[line.end - T, line.gap] as [number, string]]));

describe('scrapes are rarer than intervals', () => {
  test.each([30, 60])(
    'every %d s, the versions at different moments: the share is right in every line',
    async (every) => {
      traffic({ every, phase: { stable: 1, canary: every - 4 } });
      const { intervals, verdict } = await play(rules([ERRORS], ['steps: [{weight: 20, min: 4m, max: 10m}]']));
      expect(verdict).toMatchObject({ verdict: 'pass', reason: 'healthy', coverage: 1 });
      expect(intervals.length).toBeGreaterThan(1);
      for (const { traffic: counts } of intervals.slice(1)) {
        expect((counts?.canary ?? 0) / ((counts?.stable ?? 0) + (counts?.canary ?? 0))).toBeCloseTo(0.2, 6);
      }
    },
  );
});

describe('T28 Prometheus was down and is started again', () => {
  // The stable version is scraped at once, the canary most of a cadence later.
  const late = { every: 5, phase: { stable: 4, canary: 3.5 } };

  test.each([
    ['shortly', [-20, 0.5]],
    ['for as long as a target is waited for', [-62, 0.5]],
    ['for longer', [-200, 0.5]],
    ['in the middle of the run', [17, 41]],
    ['in the middle of the run, for long', [17, 241]],
  ] as [string, readonly [number, number]][])('%s: no routing hold without settle', async (_, hole) => {
    traffic({ ...late, hole });
    const outcome = await play(rules([ERRORS], [STEP, 'interval: 1s', 'lag: 3s']));
    expect(outcome.verdict.verdict).not.toBe('fail');
    expect(outcome.verdict.reason).not.toMatch(/routing/);
    for (const { traffic: counts } of outcome.intervals) {
      if (counts === undefined || counts.stable + counts.canary === 0) continue;
      expect(counts.canary / (counts.stable + counts.canary)).toBeCloseTo(0.2, 6);
    }
  });

  test('the time nobody scraped is a gap of the metrics, and no requests of it are told afterwards', async () => {
    traffic({ every: 5, hole: [100, 250] });
    const outcome = await play(
      rules([ERRORS], ['blind: 5m', 'steps: [{weight: 20, min: 9m, max: 15m}]', 'beta: 0.001']),
    );
    expect(new Set(gapsOf(outcome).map(([, gap]) => gap))).toEqual(new Set(['scrape-error']));
    const after = outcome.intervals.find((line) => line.gap === undefined && line.start >= T + 240);
    const seconds = (after?.end ?? 0) - (after?.start ?? 0);
    expect(after?.traffic).toEqual({ stable: seconds * 320, canary: seconds * 80 });
    expect(outcome.verdict.coverage).toBeLessThan(0.95);
  });

  test('rebuilt from since, line by line or at once: the same trace', async () => {
    traffic({ ...late, hole: [17, 101] });
    const config = rules([ERRORS], [STEP, 'interval: 2s', 'lag: 3s']);
    const live = await play(config, { since: `20@${T}` });
    now = T + 1000;
    const rebuilt = await play(config, { since: `20@${T}` });
    expect(rebuilt.text).toBe(live.text);
    expect(gapsOf(live).length).toBeGreaterThan(0);
  });
});

describe('T22 a target ends', () => {
  test('the only canary: its time is a gap after four intervals, not traffic of nobody', async () => {
    traffic({ every: 5, end: 60 });
    const outcome = await play(rules([ERRORS], ['silent: 2m', 'steps: [{weight: 20, min: 5m, max: 20m}]']));
    expect(outcome.verdict).toMatchObject({ verdict: 'fail', reason: 'canary-silent' });
    const [first] = gapsOf(outcome);
    expect(first).toEqual([135, 'canary-absent']);
    expect(outcome.intervals.find((line) => line.gap !== undefined)?.flags).toEqual(['stretched', 'target-lost']);
    // Without a look at their age samples would stand for five minutes more.
    expect(outcome.verdict.to).toBeLessThanOrEqual(T + 60 + 120 + 30);
  });

  test('one missing scrape stretches the interval on both versions', async () => {
    traffic({ every: 15, hole: [31, 40], phase: { stable: 3, canary: 3 } });
    const { intervals } = await play(rules([ERRORS], [STEP]));
    const stretched = intervals.filter((line) => line.flags?.includes('stretched'));
    expect(stretched).toHaveLength(1);
    expect(stretched[0]?.traffic).toEqual({ stable: 30 * 320, canary: 30 * 80 });
  });
});
