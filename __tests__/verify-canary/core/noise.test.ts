/** What the stable version tells of itself: how noisy it is, and whether its pods are alike. */
import { describe, expect, test } from '@jest/globals';
import { createSplit } from '../../../src/verify-canary/core/halves.ts';
import type { Interval, JudgeConfigInput, PodCounts } from '../../../src/verify-canary/core/index.ts';
import { errors, LN100, plainConfig, Rollout } from './support.ts';

const endless = [{ weight: 5, min: 1e9, max: 1e9 }];
const config = (metric: object = {}, more: Partial<JudgeConfigInput> = {}): JudgeConfigInput =>
  plainConfig({ steps: endless, share: { mode: 'observe' }, ...more }, { pass: 'none', ...metric });

type Counts = readonly [n: number, e: number];
const pods = (counts: Record<string, Counts>): Record<string, PodCounts> =>
  Object.fromEntries(Object.entries(counts).map(([pod, [n, e]]) => [pod, { errors: { n, e } }]));
const sum = (counts: Record<string, Counts>) => {
  const all = Object.values(counts);
  return { n: all.reduce((s, [n]) => s + n, 0), e: all.reduce((s, [, e]) => s + e, 0) };
};

/** A line of the stable pods, with a canary beside them or, as a line of the baseline, without. */
function stable(counts: Record<string, Counts>, canary: Counts | null): Partial<Interval> {
  const arm = canary === null ? null : { n: canary[0], e: canary[1] };
  return { metrics: { errors: { stable: sum(counts), canary: arm } }, pods: { stable: pods(counts), canary: {} } };
}

/** Lines of the baseline. */
function lead(rollout: Rollout, lines: readonly Partial<Interval>[]): void {
  rollout.pause();
  rollout.weight = 0;
  for (const line of lines) rollout.line(line);
  rollout.to(5);
}

const bursts = (i: number) => stable({ a: [500, i % 2 === 0 ? 10 : 0], b: [500, i % 2 === 0 ? 0 : 10] }, null);
const thirty = Array.from({ length: 30 }, (_, i) => i);
const phiOf = (rollout: Rollout) => {
  const [metric] = rollout.judge.verdict().metrics;
  return [metric?.phi, metric?.phiFrom];
};

describe('phi auto', () => {
  test('is measured on the stable pods of the baseline, and is what evidence is divided by', () => {
    const [auto, fixed] = [new Rollout(config({ phi: 'auto' })), new Rollout(config({ phi: 1 }))];
    for (const rollout of [auto, fixed]) {
      lead(rollout, thirty.map(bursts));
      rollout.line(errors(950, 50, 5, 4));
    }
    const [phi = 0, from] = phiOf(auto);
    // All events on one of two pods: X² = 10 of 1 degree.
    expect(phi).toBeGreaterThan(10);
    expect(phi).toBeLessThan(16);
    expect([from, ...phiOf(fixed)]).toEqual(['baseline', 1, 'config']);
    const [slow, fast] = [auto, fixed].map((r) => r.judge.verdict().logE);
    expect(fast).toBeGreaterThan(1);
    expect(slow).toBeLessThan(0.3);
  });

  test('is frozen when the canary gets traffic: what comes later changes nothing', () => {
    const long = config({ phi: 'auto' }, { baseline: 3600 });
    const rollout = new Rollout(long);
    lead(rollout, [...thirty.map(bursts), { ...bursts(0), traffic: { stable: 1000, canary: 1 } }]);
    const late = new Rollout(long);
    lead(late, thirty.map(bursts));
    for (let i = 0; i < 60; i += 1) late.line(stable({ a: [500, 50], b: [500, 0] }, [50, 1]));
    rollout.line(errors(950, 50, 5, 1));
    expect(phiOf(late)).toEqual(phiOf(rollout));
    expect(rollout.judge.verdict().baseline.lines).toBe(30);
  });

  test('looks back as far as baseline says, and at no gap', () => {
    const rollout = new Rollout(config({ phi: 'auto' }, { baseline: 600 }));
    lead(rollout, [
      ...thirty.map(bursts),
      ...thirty.slice(0, 10).map(() => stable({ a: [500, 5], b: [500, 5] }, null)),
    ]);
    rollout.line(errors(950, 50, 5, 1));
    expect(phiOf(rollout)).toEqual([1, 'baseline']);
    expect(rollout.judge.verdict().baseline).toEqual({ lines: 10, from: 1800, to: 2400, used: 0 });
    const blind = new Rollout(config({ phi: 'auto' }));
    lead(blind, [{ ...bursts(0), gap: 'partial' }]);
    blind.line(errors(950, 50, 5, 1));
    expect(phiOf(blind)).toEqual([1, 'default']);
    expect(blind.judge.verdict().baseline.lines).toBe(0);
  });

  test.each<[string, Partial<Interval>[]]>([
    ['no baseline', []],
    ['one stable pod', [stable({ a: [500, 5] }, null)]],
    ['pods without the metric', [{ metrics: {}, pods: { stable: { a: {}, b: {} }, canary: {} } }]],
    ['no pods', [errors(500, 0, 5, 0)]],
  ])('with %s the default stays, and says so', (_, lines) => {
    const rollout = new Rollout(config({ phi: 'auto' }));
    lead(rollout, lines);
    rollout.line(errors(950, 50, 5, 1));
    expect(phiOf(rollout)).toEqual([1, 'default']);
  });

  test('of a latency metric, at its objective', () => {
    const latency = {
      name: 'latency',
      kind: 'latency' as const,
      le: [0.1, 0.5],
      slo: { le: 0.1, max: 0.1 },
      phi: 'auto' as const,
    };
    const rollout = new Rollout(config({}, { metrics: [latency] }));
    const slow = (n: number, e: number) => ({ latency: { n, e } });
    const line = { pods: { stable: { a: slow(500, 20), b: slow(500, 0) }, canary: {} } };
    lead(
      rollout,
      thirty.map(() => line),
    );
    rollout.line({});
    expect(phiOf(rollout)[0]).toBeGreaterThan(20);
  });
});

describe('lines of the baseline', () => {
  test('are no part of the rollout: time, warm-up and minutes begin after them', () => {
    const [with_, without] = [new Rollout(config({}, { warmup: 60 })), new Rollout(config({}, { warmup: 60 }))];
    lead(
      with_,
      thirty.map(() => errors(950, 0, 5, 0)),
    );
    without.wait(1800);
    without.to(5);
    for (const rollout of [with_, without]) rollout.lines(5, errors(950, 50, 5, 1));
    const { baseline, ...rest } = with_.judge.verdict();
    const { baseline: none, ...same } = without.judge.verdict();
    expect(rest).toEqual(same);
    expect(rest).toMatchObject({ from: 1800, intervals: 5, elapsed: 240 });
    expect([baseline, none]).toEqual([
      { lines: 30, from: 0, to: 1800, used: 0 },
      { lines: 0, from: null, to: null, used: 0 },
    ]);
  });

  test('alone they are no data', () => {
    const rollout = new Rollout(config());
    lead(rollout, [errors(950, 0, 5, 0)]);
    expect(rollout.judge.verdict()).toMatchObject({
      verdict: 'no-data',
      reason: 'absent',
      from: null,
      to: null,
      steps: [],
    });
  });

  test('after the canary began they are refused, and change nothing', () => {
    const rollout = new Rollout(config());
    rollout.line(errors(950, 50, 5, 1));
    const verdict = rollout.judge.verdict();
    expect(() => lead(rollout, [errors(950, 0, 5, 0)])).toThrow(/of the baseline, and stands after the canary began/);
    expect(rollout.judge.verdict()).toEqual(verdict);
  });
});

describe('noisy baseline', () => {
  const unlike = stable({ a: [500, 40], b: [500, 0] }, [50, 2]);
  const alike = stable({ a: [500, 20], b: [500, 20] }, [50, 2]);

  test('stable pods that differ: hold, not pass, and nothing of the canary is blamed', () => {
    const rollout = new Rollout(plainConfig({ share: { mode: 'observe' } }, { slo: 0.9 }));
    expect(rollout.line(unlike)).toMatchObject({ verdict: 'hold', reason: 'noisy-baseline' });
    expect(rollout.judge.verdict().noise).toBeGreaterThan(LN100);
    expect(rollout.judge.verdict().culprits).toEqual([]);
  });

  test('stable pods that are alike hold nothing, and one pod tells nothing', () => {
    const rollout = new Rollout(config());
    expect(rollout.lines(50, alike).verdict).toBeNull();
    expect(rollout.judge.verdict().noise).toBeLessThan(0);
    const single = new Rollout(config());
    expect(single.lines(5, stable({ a: [500, 40] }, [50, 2])).verdict).toBeNull();
    expect(single.judge.verdict().noise).toBeNull();
  });

  test('a canary that is worse is held too, in this run and in the next, even when the noise is over', () => {
    const rollout = new Rollout(config());
    lead(
      rollout,
      thirty.slice(0, 3).map(() => stable({ a: [500, 40], b: [500, 0] }, null)),
    );
    expect(rollout.line(stable({ a: [500, 20], b: [500, 20] }, [50, 50]))).toMatchObject({ reason: 'noisy-baseline' });
    for (let i = 0; i < 200 && (rollout.judge.verdict().noise ?? 0) >= LN100; i += 1) {
      rollout.event('run');
      expect(rollout.line(stable({ a: [500, 20], b: [500, 20] }, [50, 50])).reason).toBe('noisy-baseline');
    }
    expect(rollout.judge.verdict().noise).toBeLessThan(LN100);
    rollout.event('run');
    expect(rollout.line(stable({ a: [500, 20], b: [500, 20] }, [50, 50])).reason).toBe('noisy-baseline');
  });

  test('with phi as large as the bursts are it does not hold', () => {
    const calm = new Rollout(config({ phi: 'auto' }));
    lead(calm, thirty.map(bursts));
    expect(calm.lines(5, errors(950, 50, 5, 1)).verdict).toBeNull();
  });

  test('warm-up, gaps and observed metrics tell nothing', () => {
    const warm = new Rollout(config({}, { warmup: 600 }));
    expect(warm.lines(5, unlike).verdict).toBeNull();
    const blind = new Rollout(config({}, { blind: 1e9 }));
    expect(blind.lines(5, { ...unlike, gap: 'partial' }).verdict).toBeNull();
    const metrics = [
      { name: 'errors', kind: 'ratio' as const, mode: 'observe' as const },
      { name: 'other', kind: 'ratio' as const },
    ];
    const observed = new Rollout(config({}, { metrics }));
    expect(observed.lines(5, unlike).verdict).toBeNull();
    expect(observed.judge.verdict().noise).toBeNull();
  });
});

describe('pods are split in two', () => {
  const split = createSplit();
  const parts = (names: string) => {
    const counts = Object.fromEntries([...names].map((name, i) => [name, [10 ** i, 0] as const]));
    return split(pods(counts)).map((part) => part.get('errors')?.n ?? 0);
  };

  test('in order of names, each pod always into the same part, a new one where fewer are', () => {
    expect(parts('dcba')).toEqual([1000 + 10, 100 + 1]);
    expect(parts('abcd')).toEqual([1 + 100, 10 + 1000]);
    expect(parts('ac')).toEqual([11, 0]);
    // Both of the second part are gone: the new one goes there.
    expect(parts('ace')).toEqual([11, 100]);
    expect(parts('aef')).toEqual([1 + 100, 10]);
  });
});
