/** What a run can see, told before it begins: by the judge itself, on the counts that are expected. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openHttp } from '../../../src/http/index.ts';
import { type PowerTable, powerLines, powerTable, type Rates } from '../../../src/verify-canary/collect/power.ts';
import { openPrometheus } from '../../../src/verify-canary/collect/promql.ts';
import { measureRates, ratesOf } from '../../../src/verify-canary/collect/rates.ts';
import { parseMatchers } from '../../../src/verify-canary/collect/selector.ts';
import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import { createJudge, type Interval } from '../../../src/verify-canary/core/index.ts';
import { random } from '../support/pod.ts';
import { Prom } from '../support/prom.ts';
import { CPU, ERRORS, LATENCY, rules, steppingClock, T } from '../support/world.ts';

const config = rules([ERRORS, LATENCY, CPU], ['warmup: 1m', 'steps: [{weight: 5}, {weight: 50}]']);
const SHARES = { errors: 0.01, latency: { '0.25': 0.1, '0.5': 0.02 } };
const table = (rules: CanaryConfig, weight: number, rates: Rates): PowerTable => {
  const found = powerTable(rules, weight, rates);
  if (found === null) throw new Error('no table');
  return found;
};
const at = (perSecond: number, weight = 5, shares: Rates['shares'] = SHARES): PowerTable =>
  table(config, weight, { perSecond, shares });

describe('the table', () => {
  test('a line of the plan', () => {
    expect(powerLines(at(100))).toEqual([
      expect.stringMatching(
        /^at 100 req\/s and 5 %: doubled errors visible in \d+ min; doubled latency visible in \d+ min; pass in \d+ min$/,
      ),
    ]);
  });

  test('what does not show is said, and what would help', () => {
    const lines = powerLines(at(0.2));
    expect(lines[0]).toBe(
      'at 0.2 req/s and 5 %: doubled errors not visible within 2 h; doubled latency not visible within 2 h; no pass within 2 h',
    );
    expect(lines[1]).toMatch(/^no evidence for a pass within 2 h of: errors, latency\. More traffic/);
  });

  test('of metrics without a share, of CPU and of what is only observed there is no row', () => {
    expect(at(100).rows.map((row) => row.metric)).toEqual(['errors', 'latency']);
    expect(at(100, 5, { errors: 0.01 }).rows.map((row) => row.metric)).toEqual(['errors']);
    const watched = '{name: retries, kind: ratio, events: retries_total, total: http_requests_total, mode: observe}';
    const shares = { ...SHARES, retries: 0.1 };
    expect(table(rules([ERRORS, watched]), 5, { perSecond: 100, shares }).rows.map((row) => row.metric)).toEqual([
      'errors',
    ]);
  });

  test('what is doubled below the floor could never fail: then twice the floor is looked for', () => {
    const low = at(100, 5, { errors: 0.0001, latency: { '0.25': 0.1, '0.5': 0 } });
    expect(low.rows[0]).toMatchObject({ share: 0.0001, worse: 0.002, doubled: expect.any(Number) });
    expect(low.rows[1]).toMatchObject({ share: 0.1, worse: 0.2 });
    expect(powerLines(low)[0]).toMatch(/: 0\.2 % errors visible in \d+ min; doubled latency visible/);
  });

  test('guards ask for no pass', () => {
    const guard = '{name: oom, kind: ratio, events: oom_total, total: http_requests_total, pass: none}';
    const shares = { errors: 0.01, oom: 0.02 };
    const guarded = table(rules([ERRORS, guard]), 5, { perSecond: 100, shares });
    expect(guarded.rows[1]).toMatchObject({ metric: 'oom', required: false, pass: null, doubled: expect.any(Number) });
    expect(guarded.pass).toBe(guarded.rows[0]?.pass);
    expect(powerLines({ ...guarded, rows: guarded.rows.slice(1) })[0]).toMatch(/; no pass is asked for$/);
  });

  test('a metric with a small part of alpha shows later', () => {
    const rates: Rates = { perSecond: 100, shares: { errors: 0.02 } };
    const alone = table(rules([ERRORS]), 20, rates).rows[0]?.doubled ?? 0;
    const heavy = LATENCY.replace('kind: latency', 'kind: latency, weight: 99');
    const shared = table(rules([ERRORS, heavy]), 20, rates).rows[0]?.doubled ?? 0;
    expect(alone).toBeGreaterThan(0);
    expect(shared).toBeGreaterThan(alone);
  });

  test('in a mode without a stable arm there is none', () => {
    const after = { ...config, judge: { ...config.judge, mode: 'before-after' as const } };
    expect(powerTable(after, 100, { perSecond: 100, shares: SHARES })).toBeNull();
  });

  test('a pass is not promised before the step lets it', () => {
    expect(at(1e6).pass).toBeGreaterThanOrEqual(120);
  });

  test('property: more traffic and more weight never show it later; the same in, the same out', () => {
    const or = (seconds: number | null): number => seconds ?? Number.POSITIVE_INFINITY;
    fc.assert(
      fc.property(
        fc.double({ min: 20, max: 300, noNaN: true }),
        fc.constantFrom(5, 10, 25),
        fc.double({ min: 0.001, max: 0.04, noNaN: true }),
        (rate, weight, share) => {
          const shares = { errors: share, latency: { '0.25': 0.1, '0.5': 0.02 } };
          const [less, more, heavier] = [at(rate, weight, shares), at(rate * 4, weight, shares), at(rate, 50, shares)];
          expect(at(rate, weight, shares)).toEqual(less);
          for (const [i, row] of less.rows.entries()) {
            expect(or(more.rows[i]?.doubled ?? null)).toBeLessThanOrEqual(or(row.doubled));
            expect(or(heavier.rows[i]?.doubled ?? null)).toBeLessThanOrEqual(or(row.doubled));
          }
        },
      ),
      { numRuns: 3 },
    );
  });

  test('it is what happens: the median of seeded runs lies near the row', () => {
    const own = rules([ERRORS], ['warmup: 1m', 'steps: [{weight: 20, max: 2h}]', 'share: {mode: observe}']);
    const [row] = table(own, 20, { perSecond: 50, shares: { errors: 0.01 } }).rows;
    const poisson = (mean: number, next: () => number): number => {
      let [n, p] = [0, next()];
      for (const limit = Math.exp(-mean); p > limit; n += 1) p *= next();
      return n;
    };
    const seconds = Array.from({ length: 21 }, (_, seed) => {
      const next = random(seed + 1);
      const judge = createJudge(own.judge);
      for (let start = 0; ; start += 15) {
        const [e0, e1] = [poisson(6, next), poisson(3, next)];
        const metrics: Interval['metrics'] = { errors: { stable: { n: 600, e: e0 }, canary: { n: 150, e: e1 } } };
        const { verdict } = judge.observe({ v: 1, step: '20', weight: 20, start, end: start + 15, metrics });
        if (verdict === 'fail' || start > 7200) return start + 15;
      }
    }).sort((a, b) => a - b);
    const median = seconds[10] ?? 0;
    expect(row?.doubled).not.toBeNull();
    expect(median / (row?.doubled ?? 1)).toBeGreaterThan(0.6);
    expect(median / (row?.doubled ?? 1)).toBeLessThan(1.6);
  });
});

describe('the traffic of now', () => {
  let prom: Prom;
  beforeEach(async () => {
    prom = await new Prom(() => T).listen();
  });
  afterEach(() => prom[Symbol.asyncDispose]());

  async function measure(): Promise<Rates | null> {
    const http = openHttp();
    try {
      const client = openPrometheus(http, new URL(prom.url), {}, steppingClock(T));
      const arms = { stable: parseMatchers('track="stable"'), canary: parseMatchers('track="canary"') };
      return await measureRates(client, config, arms, T, new AbortController().signal);
    } finally {
      await http.close();
    }
  }

  test('of both versions, with the shares of stable, by one question a selector and version', async () => {
    prom.add({ track: 'stable', pod: 's-1', from: T - 900, to: T, rate: 38, errors: () => 0.02 });
    prom.add({ track: 'canary', pod: 'c-1', from: T - 900, to: T, rate: 2, errors: () => 0.5 });
    const rates = await measure();
    expect(rates?.perSecond).toBeCloseTo(40, 6);
    expect(rates?.shares.errors).toBeCloseTo(0.02, 4);
    expect(rates?.shares.latency).toEqual({ '0.25': 0, '0.5': 0 });
    expect(prom.asked.length).toBe(2 * 5);
  });

  test('from lines of a trace: sums, not means; gaps and CPU tell nothing', () => {
    const line = (start: number, n: number, e: number, more: Partial<Interval> = {}): Interval => ({
      v: 1,
      step: '5',
      weight: 5,
      start,
      end: start + 15,
      traffic: { stable: n, canary: 15 },
      metrics: {
        errors: { stable: { n, e }, canary: { n: 15, e: 15 } },
        latency: { stable: { n, le: { '0.25': n - 2 * e, '0.5': n } }, canary: null },
        cpu: { stable: { n, x: 3, pods: 1 }, canary: null },
      },
      ...more,
    });
    const lines = [line(0, 300, 3), { v: 1, type: 'event', at: 15, event: 'run' } as const, line(15, 100, 5)];
    const gap = line(30, 999, 999, { gap: 'partial' });
    expect(ratesOf([...lines, gap])).toEqual({
      perSecond: (400 + 30) / 30,
      shares: { errors: 8 / 400, latency: { '0.25': 16 / 400, '0.5': 0 } },
    });
    expect(ratesOf([gap])).toBeNull();
    expect(ratesOf([line(0, 0, 0)])).toBeNull();
  });

  test('before the canary is there, and before stable is', async () => {
    expect(await measure()).toBeNull();
    prom.add({ track: 'stable', pod: 's-1', from: T - 900, to: T, rate: 38 });
    expect((await measure())?.perSecond).toBeCloseTo(38, 6);
  });
});
