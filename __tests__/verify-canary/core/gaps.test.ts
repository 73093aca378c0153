/** Silence: no data is never health. */
import { describe, expect, test } from '@jest/globals';
import type { Gap, Interval } from '../../../src/verify-canary/core/index.ts';
import { errors, LN20, plainConfig, Rollout, ratio } from './support.ts';

const clean = errors(1900, 100, 190, 10);
const steps = [{ weight: 5, min: 0, max: 1200 }];
const nobody: Partial<Interval> = { metrics: { errors: { stable: null, canary: null } } };
const until = (rollout: Rollout, more: Partial<Interval>) => rollout.lines(100, more);

describe('T24 a histogram that only the stable version has', () => {
  const metrics = [
    { name: 'errors', kind: 'ratio' as const },
    { name: 'latency', kind: 'latency' as const, le: [0.5], phi: 1 },
  ];
  const stable = { n: 1900, le: { '0.5': 1710 } };

  test('hold absent:latency, never a pass, although it was proven before', () => {
    const rollout = new Rollout(plainConfig({ metrics, steps: [{ weight: 5, min: 300, max: 600 }] }));
    const both = { ...clean.metrics, latency: { stable, canary: { n: 100, le: { '0.5': 90 } } } };
    rollout.lines(3, { metrics: both });
    const gone = { metrics: { ...clean.metrics, latency: { stable, canary: null } } };
    expect(rollout.judge.evidence().pass[1]).toBeGreaterThan(LN20);
    expect(until(rollout, gone)).toMatchObject({ at: 600, verdict: 'hold', reason: 'absent:latency' });
    expect(rollout.judge.verdict().metrics[1]).toMatchObject({ coverage: 0.3, pass: { state: 'yes' } });
    expect(rollout.judge.verdict().coverage).toBe(1);
  });

  test('a metric of the config that no line has is absent too', () => {
    const rollout = new Rollout(plainConfig({ metrics, steps }));
    expect(until(rollout, clean)).toMatchObject({ at: 1200, verdict: 'hold', reason: 'absent:latency' });
  });

  test('a metric that the config does not know is left out', () => {
    const rollout = new Rollout(plainConfig({ steps }));
    expect(until(rollout, { metrics: { ...clean.metrics, other: ratio(1900, 100, 0, 90) } }).verdict).toBe('pass');
  });

  test('a metric may be called constructor', () => {
    const rollout = new Rollout(plainConfig({ steps, metrics: [{ name: 'constructor', kind: 'ratio' }] }));
    rollout.line({ metrics: {} });
    expect(rollout.judge.verdict().metrics[0]).toMatchObject({ name: 'constructor', stable: { n: 0 }, coverage: 0 });
  });
});

describe('T25 nothing to judge', () => {
  test.each<[string, Partial<Interval>, number, string, string]>([
    ['no HTTP traffic at all', errors(0, 0, 0, 0), 1200, 'no-data', 'no-traffic'],
    ['no target reachable', { gap: 'scrape-error' }, 300, 'hold', 'blind'],
    ['reachable, no series', { gap: 'both-absent' }, 300, 'no-data', 'absent'],
    ['reachable, every metric empty', nobody, 1200, 'no-data', 'absent'],
    ['the canary was never there', { gap: 'canary-absent' }, 300, 'hold', 'canary-silent'],
    ['the stable version is not there', { gap: 'stable-absent' }, 300, 'hold', 'blind'],
    ['only the stable version has values', errorsOfStable(), 1200, 'hold', 'canary-silent'],
  ])('%s', (_, more, at, verdict, reason) => {
    expect(until(new Rollout(plainConfig({ steps })), more)).toMatchObject({ at, verdict, reason });
  });

  function errorsOfStable(): Partial<Interval> {
    return { metrics: { errors: { stable: { n: 100, e: 1 }, canary: null } } };
  }

  test.each<[Gap, string, string]>([
    ['query-error', 'hold', 'coverage-low'],
    ['partial', 'hold', 'coverage-low'],
    ['both-absent', 'no-data', 'absent'],
    ['canary-absent', 'hold', 'canary-silent'],
  ])('a deadline before blind, only gaps %s: failed readings are not absence', (gap, verdict, reason) => {
    const rollout = new Rollout(plainConfig({ steps: [{ weight: 5, min: 0, max: 180 }] }));
    expect(until(rollout, { gap })).toMatchObject({ at: 180, verdict, reason });
  });

  test('on-inconclusive: fail does not turn absence into a fail', () => {
    const fail = (more: Partial<Interval>) => until(new Rollout(plainConfig({ steps, onInconclusive: 'fail' })), more);
    expect(fail(nobody)).toMatchObject({ verdict: 'no-data', reason: 'absent' });
    expect(fail(errors(0, 0, 0, 0))).toMatchObject({ verdict: 'no-data', reason: 'no-traffic' });
    expect(fail(errors(1900, 100, 0, 0))).toMatchObject({ verdict: 'fail', reason: 'deadline' });
  });

  test('a trace that ends: no-data without a usable line, else hold', () => {
    const [nothing, little, gap] = [new Rollout(plainConfig()), new Rollout(plainConfig()), new Rollout(plainConfig())];
    little.line(errors(95, 5, 0, 0));
    gap.gap('query-error');
    expect(nothing.judge.verdict()).toMatchObject({ verdict: 'no-data', reason: 'absent', from: null, to: null });
    expect(gap.judge.verdict()).toMatchObject({ verdict: 'no-data', reason: 'absent' });
    expect(little.judge.verdict()).toMatchObject({ verdict: 'hold', reason: 'trace-ended', step: '5' });
  });
});

describe('T28 Prometheus is down', () => {
  const minimum = [{ weight: 5, min: 600, max: 1200 }];

  test('for 2 minutes with blind 5m: coverage reduced, then judged on to a pass', () => {
    const rollout = new Rollout(plainConfig({ steps: minimum }));
    rollout.lines(4, clean);
    rollout.gap('query-error');
    rollout.gap('partial');
    expect(rollout.judge.verdict()).toMatchObject({ verdict: 'hold', reason: 'trace-ended', coverage: 4 / 6 });
    expect(until(rollout, clean)).toMatchObject({ at: 600, verdict: 'pass' });
    expect(rollout.judge.verdict().coverage).toBe(0.8);
  });

  test('for 6 minutes: hold blind, after 5', () => {
    const rollout = new Rollout(plainConfig({ steps: minimum }));
    rollout.lines(4, clean);
    expect(until(rollout, { gap: 'query-error' })).toMatchObject({ at: 540, verdict: 'hold', reason: 'blind' });
  });

  test('a pass is never given on a gap line, but on the next good one', () => {
    const rollout = new Rollout(plainConfig({ steps: minimum }));
    rollout.lines(9, clean);
    expect(rollout.gap('query-error')).toMatchObject({ at: 600, verdict: null });
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 0.9, waiting: [] });
    expect(rollout.line(clean)).toMatchObject({ verdict: 'pass' });
  });

  test('too little seen: no pass, coverage-low at the deadline', () => {
    const rollout = new Rollout(plainConfig({ steps: minimum }));
    let status = rollout.line(clean);
    while (!status.done) status = rollout.at % 180 === 0 ? rollout.gap('query-error') : rollout.line(clean);
    expect(status).toMatchObject({ at: 1200, verdict: 'hold', reason: 'coverage-low' });
  });

  test('a hole is time without data', () => {
    const rollout = new Rollout(plainConfig({ steps: minimum }));
    rollout.line(clean);
    rollout.wait(180);
    rollout.line(clean);
    expect(rollout.judge.verdict().coverage).toBe(0.4);
  });

  test('what a gap line says of metrics and traffic is ignored', () => {
    const rollout = new Rollout(plainConfig());
    rollout.line({ ...errors(1900, 100, 0, 90), traffic: { stable: 1900, canary: 100 }, gap: 'partial' });
    expect(rollout.judge.verdict()).toMatchObject({ logE: 0, share: { observed: null } });
  });
});

describe('T22 a canary that goes silent', () => {
  test('after data: fail after silent, not before', () => {
    const rollout = new Rollout(plainConfig({ steps: [{ weight: 5, min: 600 }] }));
    rollout.line(clean);
    expect(rollout.gap('canary-absent').verdict).toBeNull();
    expect(rollout.gap('canary-absent')).toMatchObject({ verdict: 'fail', reason: 'canary-silent' });
  });

  test('another kind of gap in between: the silence starts again', () => {
    const rollout = new Rollout(plainConfig({ steps: [{ weight: 5, min: 600 }] }));
    rollout.line(clean);
    rollout.gap('canary-absent');
    rollout.gap('query-error');
    expect(rollout.gap('canary-absent').verdict).toBeNull();
    expect(rollout.gap('canary-absent')).toMatchObject({ verdict: 'fail' });
  });
});
