import { describe, expect, test } from '@jest/globals';
import {
  type ArmCounts,
  addCount,
  assemble,
  type Counts,
  mergeCounts,
  planWants,
} from '../../../src/verify-canary/collect/plan.ts';
import { CPU, ERRORS, LATENCY, rules } from '../support/world.ts';

const config = rules([ERRORS, LATENCY, CPU]);
const wants = planWants(config);
const BUCKETS = 'http_request_duration_seconds_bucket';

/** Increases by selector text; for buckets by bound. */
type Facts = Record<string, number | Record<string, number>>;

function arm(facts: Facts, pods = ['pod']): ArmCounts {
  const counts: Counts = new Map();
  for (const want of wants) {
    const fact = facts[want.id];
    if (fact === undefined) continue;
    for (const pod of pods) {
      if (typeof fact === 'number') addCount(counts, want, pod, undefined, fact);
      else for (const [le, n] of Object.entries(fact)) addCount(counts, want, pod, le, n);
    }
  }
  return { metrics: counts, traffic: counts };
}

const TOTAL = 'http_requests_total';
const EVENTS = 'http_requests_total{code=~"5.."}';
const FULL: Facts = {
  [TOTAL]: 100,
  [EVENTS]: 3,
  [BUCKETS]: { '0.25': 90, '0.5': 95, '+Inf': 100 },
  process_cpu_seconds_total: 0.5,
};

describe('the arms of an interval', () => {
  test('every selector is read once, however many metrics need it', () => {
    expect(wants.map((w) => [w.id, w.buckets, w.whole])).toEqual([
      [TOTAL, false, true],
      [EVENTS, false, true],
      [BUCKETS, true, true],
      ['process_cpu_seconds_total', false, false],
    ]);
  });

  test('the three kinds; T38 pods are summed', () => {
    const { traffic, metrics } = assemble(config, { stable: arm(FULL, ['a', 'b']), canary: arm(FULL) }) as never;
    expect(traffic).toEqual({ stable: 200, canary: 100 });
    expect(metrics).toEqual({
      errors: { stable: { n: 200, e: 6 }, canary: { n: 100, e: 3 } },
      latency: {
        stable: { n: 200, le: { '0.25': 180, '0.5': 190 } },
        canary: { n: 100, le: { '0.25': 90, '0.5': 95 } },
      },
      cpu: { stable: { n: 200, x: 1, pods: 2 }, canary: { n: 100, x: 0.5, pods: 1 } },
    });
  });

  test('no series of events while there are requests: none happened', () => {
    const { [EVENTS]: _, ...silent } = FULL;
    expect(assemble(config, { stable: arm(FULL), canary: arm(silent) })).toMatchObject({
      metrics: { errors: { canary: { n: 100, e: 0 } } },
    });
  });

  test('no total, or T24 no histogram: that arm has no value', () => {
    const { [BUCKETS]: _, ...slow } = FULL;
    expect(assemble(config, { stable: arm(FULL), canary: arm(slow) })).toMatchObject({
      metrics: { latency: { stable: { n: 100 }, canary: null }, errors: { canary: { n: 100 } } },
    });
    const counted = assemble(config, { stable: arm(FULL), canary: arm({ [BUCKETS]: FULL[BUCKETS] ?? 0 }) });
    expect(counted).toMatchObject({ metrics: { errors: { canary: null }, cpu: { canary: null } } });
    expect(counted).not.toHaveProperty('traffic');
  });

  test.each<[string, Facts, Facts]>([
    ['canary-absent', FULL, {}],
    ['stable-absent', {}, FULL],
    ['both-absent', {}, {}],
  ])('%s', (gap, stable, canary) => {
    expect(assemble(config, { stable: arm(stable), canary: arm(canary) })).toEqual({ gap });
  });

  test('a page read while it was written: bounds never fall and never pass the count', () => {
    const torn = arm({ ...FULL, [BUCKETS]: { '0.25': 97, '0.5': 95, '+Inf': 96 } });
    expect(assemble(config, { stable: arm(FULL), canary: torn })).toMatchObject({
      metrics: { latency: { canary: { n: 96, le: { '0.25': 96, '0.5': 96 } } } },
    });
  });
});

describe('T23 bounds', () => {
  test('are compared as numbers, whatever their spelling', () => {
    const spelt = arm({ ...FULL, [BUCKETS]: { '2.5e-1': 90, '0.50': 95, '+Inf': 100 } });
    const { metrics } = assemble(config, { stable: arm(FULL), canary: spelt }) as never as {
      metrics: Record<string, { stable: unknown; canary: unknown }>;
    };
    expect(metrics.latency?.canary).toEqual(metrics.latency?.stable);
  });

  test.each<[string, Record<string, number>, string]>([
    ['a bound is gone', { '0.25': 1, '0.6': 1, '+Inf': 1 }, 'no bucket le="0.5" of'],
    ['no +Inf', { '0.25': 1, '0.5': 1 }, 'no bucket le="+Inf" of'],
  ])('%s: red, naming the arm and its bounds', (_, buckets, why) => {
    const error = thrown(() => assemble(config, { stable: arm(FULL), canary: arm({ ...FULL, [BUCKETS]: buckets }) }));
    expect(error).toMatchObject({ code: 'E_LE_NOT_FOUND', facts: { what: 'metric latency' } });
    expect(error.message).toContain('the canary version has');
    expect(error.message).toContain(why);
    expect(error.message).toContain('it has 0.25');
  });
});

test('an increase that is not whole is no count of requests; a rounding error is', () => {
  const half = { ...FULL, [TOTAL]: 99.5 };
  expect(thrown(() => assemble(config, { stable: arm(FULL), canary: arm(half) }))).toMatchObject({
    code: 'E_NOT_A_COUNTER',
  });
  const nearly = { ...FULL, [TOTAL]: 100.0000001 };
  expect(assemble(config, { stable: arm(FULL), canary: arm(nearly) })).toMatchObject({ traffic: { canary: 100 } });
});

test('what two readings counted is summed', () => {
  const [into, from] = [arm(FULL, ['a']).metrics, arm(FULL, ['b']).metrics];
  mergeCounts(into, from);
  expect([into.get(TOTAL)?.sum, into.get(BUCKETS)?.byBound.get(0.25)]).toEqual([200, 180]);
  expect([...(into.get(TOTAL)?.pods.keys() ?? [])]).toEqual(['a', 'b']);
  expect(from.get(TOTAL)?.sum).toBe(100);
});

function thrown(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
