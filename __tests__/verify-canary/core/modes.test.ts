/** Without a stable arm at the same time: compared with the stable version of before, at a like load. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { failRatio, passMargin } from '../../../src/verify-canary/core/defaults.ts';
import {
  type Arm,
  type Interval,
  type JudgeConfigInput,
  type MetricInput,
  type RolloutMode,
  withDefaults,
} from '../../../src/verify-canary/core/index.ts';
import { cpu, errors, plainConfig, Rollout } from './support.ts';

const config = (metric: Partial<MetricInput> = {}, more: Partial<JudgeConfigInput> = {}): JudgeConfigInput =>
  plainConfig({ mode: 'before-after', steps: [{ weight: 100, min: 0, max: 1e9 }], ...more }, metric);

const lead = (n: number, e: number): Partial<Interval> => ({
  traffic: { stable: n, canary: 0 },
  metrics: { errors: { stable: { n, e }, canary: null } },
});
const live = (n: number, e: number): Partial<Interval> => ({
  traffic: { stable: 0, canary: n },
  metrics: { errors: { stable: null, canary: { n, e } } },
});

/** The lines of the baseline, and then the rollout at 100 %. */
function begun(rules: JudgeConfigInput, lines: readonly Partial<Interval>[]): Rollout {
  const rollout = new Rollout(rules);
  rollout.pause();
  rollout.weight = 0;
  for (const line of lines) rollout.line(line);
  rollout.to(100);
  return rollout;
}

const repeat = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

describe('before-after', () => {
  test('the same errors at the same load: a pass, and it is called weaker', () => {
    const rollout = begun(config({ slo: 0.05 }), repeat(30, lead(1000, 10)));
    expect(rollout.lines(10, live(1000, 10))).toMatchObject({ verdict: 'pass', reason: 'healthy' });
    expect(rollout.judge.verdict()).toMatchObject({
      mode: 'before-after',
      weaker: true,
      weight: 100,
      share: { state: 'off', expected: null },
    });
  });

  test('five times the errors: a fail, with as many lines of the baseline as there are of the canary', () => {
    const rollout = begun(config(), repeat(30, lead(1000, 10)));
    const status = rollout.lines(10, live(1000, 50));
    expect(status).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    const { intervals, baseline } = rollout.judge.verdict();
    expect(baseline).toMatchObject({ lines: 30, used: intervals });
  });

  test('the evidence is that of the pairs: a line of the baseline is a stable arm', () => {
    const rollout = begun(config({}, { mode: 'post-promotion' }), [lead(1000, 7)]);
    const plain = new Rollout(plainConfig({ share: { mode: 'observe' } }, { fail: { ratio: 1.5 } }));
    expect(rollout.line(live(900, 20)).logE).toBeCloseTo(plain.line(errors(1000, 900, 7, 20)).logE, 12);
  });

  test('each line of the baseline is used once; when they are used up, evidence and coverage end', () => {
    const rollout = begun(config(), repeat(3, lead(1000, 10)));
    rollout.lines(3, live(1000, 12));
    const { fail } = rollout.judge.evidence();
    rollout.lines(3, live(1000, 500));
    expect(rollout.judge.evidence().fail).toEqual(fail);
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 0.5, baseline: { used: 3 } });
  });

  test('only like loads are compared: a busy hour is not measured by a quiet one', () => {
    // At night nothing fails, at noon 5 %.
    const day = [100, 200, 400, 1000].flatMap((n, i) => repeat(6, lead(n, i === 3 ? 50 : 0)));
    const rollout = begun(config({ pass: 'none', fail: { floor: 0 } }), day);
    expect(rollout.lines(6, live(1000, 50)).verdict).toBeNull();
    expect(rollout.judge.verdict().logE).toBeLessThan(0.1);
    const { fail } = rollout.judge.evidence();
    expect(rollout.line(live(1000, 900)).verdict).toBeNull();
    expect(rollout.judge.evidence().fail).toEqual(fail);
    expect(rollout.line(live(100, 50)).reason).toBe('worse:errors');
  });

  test('the nearest load is taken first, and none that is 1.5 times larger or smaller', () => {
    const loads = [100, 110, 120, 130, 140, 150, 160, 170];
    const rollout = begun(
      config({ pass: 'none' }),
      loads.map((n) => lead(n, 0)),
    );
    const stableOf = (n: number): number => {
      const seen = rollout.judge.verdict().metrics[0]?.stable.n ?? 0;
      rollout.line(live(n, 0));
      return (rollout.judge.verdict().metrics[0]?.stable.n ?? 0) - seen;
    };
    expect([118, 121, 165, 66, 255, 256, 105, 150].map(stableOf)).toEqual([120, 130, 160, 0, 170, 0, 100, 150]);
  });

  test('which line is taken depends on loads alone: other events, the same pairs', () => {
    const part = fc.record({ n: fc.integer({ min: 50, max: 500 }), e: fc.nat(5), f: fc.nat(5) });
    const pairs = (parts: readonly { n: number; e: number; f: number }[], which: 'e' | 'f'): number[] => {
      const half = Math.ceil(parts.length / 2);
      const rollout = begun(
        config({}, { alpha: 1e-300 }),
        parts.slice(0, half).map((p) => lead(p.n, p[which])),
      );
      return parts.slice(half).map((p) => {
        rollout.line(live(p.n, p[which]));
        return rollout.judge.verdict().metrics[0]?.stable.n ?? 0;
      });
    };
    fc.assert(
      fc.property(fc.array(part, { minLength: 4, maxLength: 20 }), (parts) => {
        expect(pairs(parts, 'e')).toEqual(pairs(parts, 'f'));
      }),
      { seed: 8, numRuns: 50 },
    );
  });

  test('CPU is compared in the same way', () => {
    const metrics = [{ name: 'cpu', kind: 'cpu' as const, idle: 0 }];
    const { stable, canary } = cpu(1000, 1000, 4, 8);
    const line = { ...lead(1000, 0), metrics: { cpu: { stable, canary: null } } };
    const rollout = begun(config({}, { metrics }), repeat(30, line));
    const bad = { ...live(1000, 0), metrics: { cpu: { stable: null, canary } } };
    expect(rollout.lines(12, bad)).toMatchObject({ reason: 'worse:cpu' });
  });

  test('latency, without traffic of its own: the requests of the metric are the load', () => {
    const metrics = [{ name: 'latency', kind: 'latency' as const, le: [0.1, 0.5], phi: 1 }];
    const arm = (slow: number): Arm => ({ n: 1000, le: { '0.1': 900, '0.5': 1000 - slow } });
    const line = { metrics: { latency: { stable: arm(10), canary: null } } };
    const rollout = begun(config({}, { metrics }), repeat(30, line));
    expect(rollout.lines(10, { metrics: { latency: { stable: null, canary: arm(80) } } }).reason).toBe('worse:latency');
  });

  test('without a load there is no pair', () => {
    const metrics = [{ name: 'cpu', kind: 'cpu' as const }];
    const line = { metrics: { cpu: { ...cpu(9, 9, 1, 1), canary: null } } };
    const rollout = begun(config({}, { metrics }), [line, { ...line, traffic: { stable: 0, canary: 0 } }]);
    rollout.line({ metrics: { cpu: { ...cpu(9, 9, 1, 1), stable: null } } });
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 0, baseline: { lines: 2, used: 0 } });
  });
});

describe('what is told of it', () => {
  test('no baseline: no data at once, instead of waiting for the deadline', () => {
    const rollout = begun(config(), []);
    expect(rollout.line(live(1000, 10))).toMatchObject({ verdict: 'no-data', reason: 'absent' });
  });

  test('a gap is a gap, and takes no line of the baseline', () => {
    const rollout = begun(config(), repeat(3, lead(1000, 10)));
    rollout.gap('query-error');
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 0, baseline: { used: 0 } });
    expect(rollout.lines(3, { gap: 'canary-absent' }).verdict).toBeNull();
  });

  test('no request on the canary: no traffic', () => {
    const rules = config({}, { steps: [{ weight: 100, min: 0, max: 120 }] });
    const rollout = begun(rules, repeat(3, lead(1000, 10)));
    expect(rollout.lines(2, live(0, 0))).toMatchObject({ verdict: 'no-data', reason: 'no-traffic' });
  });

  test('margins are at least 1.5, whatever is asked', () => {
    const metrics: MetricInput[] = [
      { name: 'a', kind: 'ratio', pass: 1.1, fail: { ratio: 1.1 } },
      { name: 'b', kind: 'ratio', pass: 4, fail: { ratio: 3 } },
      { name: 'c', kind: 'cpu', pass: 'none' },
    ];
    const rules = withDefaults({ metrics, mode: 'before-after' });
    expect(rules.metrics.map((m) => failRatio(rules, m))).toEqual([1.5, 3, 1.5]);
    expect(rules.metrics.map((m) => passMargin(rules, m, 100))).toEqual([1.5, 4, 'none']);
    const usual = withDefaults({ metrics });
    expect(usual.metrics.map((m) => failRatio(usual, m))).toEqual([1.1, 3, 1.2]);
    // An input may say another mode than the rules.
    expect(withDefaults({ ...rules, mode: 'concurrent' })).toEqual(usual);
    expect(usual.metrics.map((m) => passMargin(usual, m, 100))).toEqual([1.1, 4, 'none']);
  });

  test.each<[RolloutMode, boolean]>([
    ['concurrent', false],
    ['pre-promotion', true],
    ['post-promotion', true],
    ['before-after', true],
  ])('%s: weaker is %s', (mode, weaker) => {
    expect(new Rollout(config({}, { mode })).judge.verdict()).toMatchObject({ mode, weaker });
  });

  test('T40 weight 100 beside a stable version that is not there is refused, and changes nothing', () => {
    const rollout = new Rollout(plainConfig());
    rollout.to(100);
    expect(() => rollout.line(live(1000, 10))).toThrow(/at weight 100 there is no stable version.*another mode/);
    expect(rollout.judge.verdict()).toMatchObject({ intervals: 0, steps: [] });
  });
});

describe('pre-promotion', () => {
  test('test traffic is compared whatever its load, and the stable version beside it is not looked at', () => {
    const rollout = begun(config({}, { mode: 'pre-promotion' }), repeat(20, lead(5000, 25)));
    const line = { ...live(50, 20), metrics: { errors: { stable: { n: 5000, e: 4000 }, canary: { n: 50, e: 20 } } } };
    expect(rollout.line(line)).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    expect(rollout.judge.verdict().metrics[0]?.stable).toMatchObject({ n: 5000, e: 25 });
  });
});

describe('noise over time', () => {
  const wild = Array.from({ length: 40 }, (_, i) => lead(1000, i % 2 === 0 ? 2 : 30));

  test('phi auto is measured within the strata: what goes up and down with time counts too', () => {
    const rollout = begun(config({ phi: 'auto' }), wild);
    rollout.line(live(1000, 30));
    const [metric] = rollout.judge.verdict().metrics;
    expect(metric?.phiFrom).toBe('baseline');
    expect(metric?.phi).toBeGreaterThan(12);
    const steady = begun(config({ phi: 'auto' }), repeat(40, lead(1000, 10)));
    steady.line(live(1000, 10));
    expect(steady.judge.verdict().metrics[0]?.phi).toBe(1);
  });

  test('a baseline whose second half is unlike its first: noisy, whatever the canary does', () => {
    const rollout = begun(config(), [...repeat(20, lead(1000, 5)), ...repeat(20, lead(1000, 50))]);
    expect(rollout.line(live(1000, 900))).toMatchObject({ verdict: 'hold', reason: 'noisy-baseline' });
    const calm = begun(config(), repeat(40, lead(1000, 10)));
    expect(calm.line(live(1000, 10)).verdict).toBeNull();
    expect(calm.judge.verdict().noise).toBeLessThan(0);
  });
});
