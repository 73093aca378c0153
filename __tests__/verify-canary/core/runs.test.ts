/** Runs and steps: what goes from one to the next, and what does not. */
import { describe, expect, test } from '@jest/globals';
import { createJudge } from '../../../src/verify-canary/core/index.ts';
import { errors, LN20, plainConfig, Rollout } from './support.ts';

const clean = errors(1900, 100, 19, 1);
const empty = errors(1900, 100, 0, 0);

describe('T15 from step to step', () => {
  const config = plainConfig({ share: { mode: 'observe' }, steps: [5, 10].map((weight) => ({ weight, min: 0 })) });

  test('pass evidence is not carried, fail evidence is', () => {
    const rollout = new Rollout(config);
    expect(rollout.lines(20, clean)).toMatchObject({ verdict: 'pass', step: '5' });
    expect(rollout.judge.evidence().pass[0]).toBeGreaterThan(LN20);
    const before = rollout.judge.verdict();
    rollout.to(10);
    const status = rollout.line(errors(1900, 100, 0, 0));
    expect(status).toMatchObject({ verdict: null, step: '10', done: false });
    expect(rollout.judge.evidence().pass[0]).toBe(0);
    expect(status.logE).toBeLessThan(0);
    expect(status.logE).toBeCloseTo(before.logE, 2);
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 1, elapsed: 60 });
  });

  test('a step of the same id at another weight begins anew, in the judge and in its evidence', () => {
    const [named, constant] = [new Rollout(config), new Rollout(config)];
    for (const rollout of [named, constant]) {
      rollout.lines(20, clean);
      rollout.to(10);
      if (rollout === constant) rollout.step = '5';
      expect(rollout.line(empty)).toMatchObject({ verdict: null, done: false });
    }
    expect(constant.judge.evidence()).toEqual(named.judge.evidence());
    expect(constant.judge.verdict()).toMatchObject({ weight: 10, elapsed: 60, coverage: 1 });
    expect(constant.judge.verdict().steps).toMatchObject([
      { step: '5', weight: 5, verdict: 'pass' },
      { step: '5', weight: 10, verdict: null },
    ]);
  });

  test('half of the fail evidence in each step is a fail in the second', () => {
    const rollout = new Rollout({ ...config, steps: [5, 10].map((weight) => ({ weight, min: 1e6, max: 1e6 })) });
    const bad = errors(950, 50, 5, 2);
    let lines = 1;
    while (!rollout.line(bad).done) lines += 1;
    const split = new Rollout({ ...config, steps: [5, 10].map((weight) => ({ weight, min: 1e6, max: 1e6 })) });
    expect(split.lines(Math.ceil(lines / 2), bad).verdict).toBeNull();
    split.to(10);
    expect(split.lines(lines - Math.ceil(lines / 2), bad)).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    expect(split.judge.verdict().steps.map((s) => [s.step, s.verdict])).toEqual([
      ['5', null],
      ['10', 'fail'],
    ]);
  });

  test('a pass holds for its step; a fail after it still fails', () => {
    const rollout = new Rollout(config);
    rollout.lines(20, clean);
    expect(rollout.line(clean)).toMatchObject({ verdict: 'pass', done: true });
    expect(rollout.line(errors(1900, 100, 19, 90))).toMatchObject({ verdict: 'fail' });
    expect(rollout.judge.verdict().steps[0]).toMatchObject({ step: '5', verdict: 'pass' });
  });

  test('a pass holds in the next run of the same step', () => {
    const rollout = new Rollout(config);
    rollout.lines(20, clean);
    expect(rollout.event('run')).toMatchObject({ verdict: 'pass', done: true });
    expect(rollout.lines(30, { gap: 'query-error' })).toMatchObject({ verdict: 'pass', reason: 'healthy' });
  });

  test('time between two runs of a step gives no pass evidence', () => {
    const rollout = new Rollout({ ...config, steps: [{ weight: 5, min: 1e6, max: 1e6 }] });
    rollout.lines(2, clean);
    const before = rollout.judge.evidence();
    rollout.pause();
    rollout.lines(20, clean);
    expect(rollout.judge.evidence().pass).toEqual(before.pass);
    expect(rollout.judge.evidence().fail).not.toEqual(before.fail);
  });

  test('time between two runs feeds fail evidence only', () => {
    const rollout = new Rollout({ ...config, alpha: 1e-9 });
    rollout.pause();
    expect(rollout.lines(30, clean)).toMatchObject({ verdict: null, step: null });
    expect(rollout.judge.evidence().pass).toEqual([null]);
    const { logE } = rollout.line(errors(1900, 100, 19, 10));
    expect(logE).toBeGreaterThan(2);
    expect(rollout.judge.verdict()).toMatchObject({ verdict: 'no-data', coverage: 0, steps: [] });
    rollout.step = '5';
    expect(rollout.line(clean).logE).toBeLessThan(logE);
    expect(rollout.judge.verdict()).toMatchObject({ elapsed: 60, coverage: 1 });
  });

  test('between two runs a fail is a fail', () => {
    const rollout = new Rollout(config);
    rollout.pause();
    expect(rollout.line(errors(1900, 100, 19, 90))).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
  });
});

describe('T32 hold at the deadline, then run again', () => {
  const config = plainConfig({ steps: [{ weight: 5, min: 0, max: 240 }] }, { slo: 0.01 });

  test('evidence goes on, a new max period, and a pass', () => {
    const rollout = new Rollout(config);
    const row = errors(1140, 60, 0, 0);
    expect(rollout.lines(4, row)).toMatchObject({ at: 240, verdict: 'hold', reason: 'deadline' });
    const held = rollout.judge.evidence();
    // Until the next run nothing counts.
    expect(rollout.line(errors(1140, 60, 0, 60))).toMatchObject({ verdict: 'hold', at: 240 });
    expect(rollout.judge.evidence()).toEqual(held);
    expect(rollout.event('run')).toMatchObject({ done: false, verdict: null });
    expect(rollout.judge.evidence()).toEqual(held);
    expect(rollout.lines(4, row)).toMatchObject({ verdict: 'pass', step: '5' });
    expect(rollout.judge.verdict().steps).toMatchObject([{ step: '5', verdict: 'pass', start: 0 }]);
  });

  test.each([
    ['an hour later', 3600, false],
    ['a day later, with lines in between that nobody judged', 86_400, true],
  ])('%s: the time in which nobody ran is no time without data', (_, pause, lines) => {
    const rollout = new Rollout(config);
    const row = errors(1140, 60, 0, 0);
    expect(rollout.lines(4, row)).toMatchObject({ verdict: 'hold', reason: 'deadline' });
    if (lines) rollout.lines(5, row);
    rollout.wait(pause);
    rollout.event('run');
    rollout.line(row);
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 1, elapsed: 300, metrics: [{ coverage: 1 }] });
    expect(rollout.lines(3, row)).toMatchObject({ verdict: 'pass', step: '5' });
  });

  test('what the runs themselves missed does count, and so does the time of a run that was killed', () => {
    const rollout = new Rollout(config);
    rollout.gap('query-error');
    rollout.lines(3, clean);
    rollout.event('cancelled');
    rollout.wait(1000);
    rollout.event('run');
    rollout.line(clean);
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 0.8, elapsed: 300 });
    const killed = new Rollout(config);
    killed.line(clean);
    killed.wait(60);
    killed.event('run');
    killed.line(clean);
    expect(killed.judge.verdict().coverage).toBeCloseTo(2 / 3, 12);
  });

  test('a hold in warm-up, or before any step, leaves nothing to move', () => {
    const rollout = new Rollout({ ...config, warmup: 120 });
    rollout.event('cancelled');
    rollout.wait(500);
    rollout.event('run');
    rollout.line(clean);
    rollout.event('cancelled');
    rollout.wait(500);
    rollout.event('run');
    rollout.line(clean);
    expect(rollout.judge.verdict()).toMatchObject({ elapsed: 60, coverage: 1 });
  });

  test('without evidence the second period ends as the first, max later', () => {
    const rollout = new Rollout(plainConfig({ steps: [{ weight: 5, min: 0, max: 240 }] }));
    rollout.lines(4, empty);
    rollout.event('run');
    expect(rollout.lines(9, empty)).toMatchObject({ at: 480, verdict: 'hold', reason: 'deadline' });
  });

  test('a hold for blindness does not repeat at once: the row of gaps starts again', () => {
    const rollout = new Rollout(plainConfig());
    expect(rollout.lines(9, { gap: 'query-error' })).toMatchObject({ at: 300, reason: 'blind' });
    rollout.event('run');
    expect(rollout.gap('query-error').verdict).toBeNull();
  });

  test('cancelled: hold, and the next run goes on', () => {
    const rollout = new Rollout(config);
    rollout.line(clean);
    expect(rollout.event('cancelled')).toMatchObject({ done: true, verdict: 'hold', reason: 'cancelled' });
    rollout.event('run');
    expect(rollout.line(clean).verdict).toBeNull();
  });

  test('cancelled before the first interval', () => {
    const judge = createJudge(config);
    judge.observe({ v: 1, type: 'event', at: 5, event: 'cancelled' });
    expect(judge.verdict()).toMatchObject({ verdict: 'hold', reason: 'cancelled', step: null, to: null });
  });

  test('the run before the first line may be old: max counts from the first line', () => {
    const rollout = new Rollout(config);
    rollout.event('run');
    rollout.wait(10_000);
    expect(rollout.lines(9, empty)).toMatchObject({ at: 10_240, reason: 'deadline' });
  });
});

describe('T33 what ends a rollout', () => {
  test('a fail in history: every later run fails at once, for the same reason', () => {
    const rollout = new Rollout(plainConfig());
    expect(rollout.line(errors(1900, 100, 19, 90))).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    const verdict = rollout.judge.verdict();
    rollout.to(10);
    for (const status of [rollout.event('run'), ...Array.from({ length: 9 }, () => rollout.line(clean))]) {
      expect(status).toMatchObject({ done: true, verdict: 'fail', reason: 'worse:errors', at: 60 });
    }
    expect(rollout.judge.verdict()).toEqual(verdict);
  });

  test('a newer version: superseded, for good', () => {
    const rollout = new Rollout(plainConfig());
    rollout.line(clean);
    expect(rollout.event('superseded')).toMatchObject({ done: true, verdict: 'superseded' });
    rollout.event('run');
    expect(rollout.line(errors(1900, 100, 19, 90))).toMatchObject({ verdict: 'superseded', reason: 'superseded' });
  });

  test.each([
    ['degraded', 'hold'],
    ['sync-timeout', 'hold'],
    ['crashloop', 'fail'],
  ] as const)('event %s: %s', (event, verdict) => {
    const rollout = new Rollout(plainConfig());
    rollout.line(clean);
    expect(rollout.event(event)).toMatchObject({ done: true, verdict, reason: event });
  });
});
