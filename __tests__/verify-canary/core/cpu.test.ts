import { describe, expect, test } from '@jest/globals';
import type { JudgeConfigInput } from '../../../src/verify-canary/core/index.ts';
import { logSign } from '../../../src/verify-canary/core/sign.ts';
import { random } from '../support/pod.ts';
import { cpu, errors, plainConfig, Rollout } from './support.ts';

const COST = 0.004;
const IDLE = 0.02;
const cpuOnly = (more: object = {}): JudgeConfigInput => ({
  ...plainConfig({ share: { mode: 'observe' }, metrics: [{ name: 'cpu', kind: 'cpu', ...more }] }),
  steps: [5, 10, 25, 50].map((weight) => ({ weight, min: 0, max: 1e9 })),
});

/** A block as good as the stable version, and one that costs three times as much. */
const good = { metrics: { cpu: cpu(5000, 500, 20, 2) } };
const bad = { metrics: { cpu: cpu(5000, 500, 20, 6 + IDLE * 60) } };
const failOf = (rollout: Rollout): number => rollout.judge.evidence().fail[0] ?? Number.NaN;
const passOf = (rollout: Rollout): number | null => rollout.judge.evidence().pass[0] ?? null;

describe('T19 CPU seconds per request', () => {
  test('5 % of the traffic, idle 0.02 cores, the same cost per request: no fail in an hour, 20 runs', () => {
    const seen: number[] = [];
    for (let seed = 1; seed <= 20; seed += 1) {
      const next = random(seed);
      const noise = (): number => 0.9 + 0.2 * next();
      const rollout = new Rollout(cpuOnly());
      for (let i = 0; i < 60; i += 1) {
        const [x0, x1] = [1900 * COST * noise() + 3 * IDLE * 60, 100 * COST * noise() + IDLE * 60];
        expect(rollout.line({ metrics: { cpu: cpu(1900, 100, x0, x1) } }).verdict).not.toBe('fail');
      }
      seen.push(rollout.judge.verdict().metrics[0]?.ratio ?? 0);
    }
    // What the idle cost does to the plain ratio.
    expect(Math.min(...seen)).toBeGreaterThan(2);
  });

  test('three times the cost at weight 25: fail, by the CPU', () => {
    const rollout = new Rollout(cpuOnly());
    rollout.to(25);
    const arms = cpu(1500, 500, 1500 * COST + 3 * IDLE * 60, 500 * COST * 3 + IDLE * 60);
    const status = rollout.lines(30, { metrics: { cpu: arms } });
    expect(status).toMatchObject({ verdict: 'fail', reason: 'worse:cpu' });
    expect(status.at).toBeLessThanOrEqual(15 * 60);
  });

  test('a tie is not above: nothing is proven by equality', () => {
    const [tie, above] = [new Rollout(cpuOnly({ idle: 0 })), new Rollout(cpuOnly({ idle: 0 }))];
    // D = 12 - 1.2 * (500/500) * 10 = 0 exactly, and a little more.
    expect(12 - 1.2 * 1 * 10).toBe(0);
    for (let i = 0; i < 5; i += 1) {
      tie.line({ metrics: { cpu: cpu(500, 500, 10, 12) } });
      above.line({ metrics: { cpu: cpu(500, 500, 10, 12.001) } });
    }
    const bet = (log: number): number => Math.log((Math.exp(log) + 1) / 2);
    expect(failOf(tie)).toBeCloseTo(bet(logSign(0, 5)), 12);
    expect(failOf(above)).toBeCloseTo(bet(logSign(5, 0)), 12);
  });

  test('a tie at the margin is no clean block either', () => {
    const rollout = new Rollout(cpuOnly({ idle: 0, pass: 1.5 }));
    rollout.to(50);
    rollout.lines(5, { metrics: { cpu: cpu(500, 500, 10, 15) } });
    expect(passOf(rollout)).toBeCloseTo(logSign(0, 5), 12);
  });

  test('blocks without requests on an arm are dropped', () => {
    const rollout = new Rollout(cpuOnly());
    rollout.line({ metrics: { cpu: cpu(0, 500, 1, 9) } });
    rollout.line({ metrics: { cpu: cpu(500, 0, 1, 9) } });
    expect(rollout.judge.evidence()).toEqual({ fail: [0], pass: [0] });
  });
});

describe('T20 a part-filled block is dropped, not merged', () => {
  /** Half a bad block, then what the test does, then half a bad block. */
  const halves = (between: (rollout: Rollout) => void): number => {
    const rollout = new Rollout(cpuOnly());
    rollout.seconds = 30;
    rollout.line(bad);
    between(rollout);
    rollout.line(bad);
    return failOf(rollout);
  };
  const merged = Math.log((Math.exp(logSign(1, 0)) + 1) / 2);

  test.each<[string, (rollout: Rollout) => void]>([
    ['nothing', () => {}],
    ['an event', (r) => void r.event('run')],
  ])('%s between two halves: one block', (_, between) => {
    expect(halves(between)).toBeCloseTo(merged, 12);
  });

  test.each<[string, (rollout: Rollout) => void]>([
    ['a gap', (r) => void r.gap('query-error')],
    ['a hole', (r) => r.wait(0.001)],
    [
      'a hole with a run event at its end',
      (r) => {
        r.wait(30);
        r.event('run');
      },
    ],
    ['an arm without CPU', (r) => void r.line({ metrics: { cpu: { ...cpu(1, 1, 1, 1), canary: null } } })],
    ['an interval without the metric', (r) => void r.line(errors(1, 1, 0, 0))],
    ['another step', (r) => r.to(10)],
    ['the end of the run', (r) => r.pause()],
  ])('%s between two halves: no block', (_, between) => {
    expect(halves(between)).toBe(0);
  });

  test('time between two runs does not fill a block of the step', () => {
    const rollout = new Rollout(cpuOnly());
    rollout.seconds = 30;
    rollout.to(50);
    rollout.lines(2, good);
    const before = passOf(rollout);
    rollout.pause();
    rollout.lines(3, good);
    rollout.step = '50';
    rollout.line(good);
    expect(passOf(rollout)).toBe(before);
    rollout.line(good);
    expect(passOf(rollout)).toBeCloseTo(logSign(2, 0), 12);
  });

  test('tenths of a second add up to a block', () => {
    const rollout = new Rollout(cpuOnly({ block: 0.8 }));
    rollout.seconds = 0.1;
    rollout.lines(8, bad);
    expect(failOf(rollout)).toBeCloseTo(merged, 12);
  });
});

describe('CPU over steps', () => {
  test('each step with a block bets half of what is left', () => {
    const rollout = new Rollout(cpuOnly());
    rollout.lines(4, good);
    rollout.to(10);
    rollout.to(25);
    rollout.lines(3, bad);
    const expected = Math.exp(logSign(0, 4)) / 2 + Math.exp(logSign(3, 0)) / 4 + 1 / 4;
    expect(failOf(rollout)).toBeCloseTo(Math.log(expected), 12);
    rollout.to(50);
    rollout.gap('partial');
    expect(failOf(rollout)).toBeCloseTo(Math.log(expected), 12);
  });

  const both: JudgeConfigInput = {
    ...cpuOnly(),
    metrics: [
      { name: 'errors', kind: 'ratio', slo: 0.05 },
      { name: 'cpu', kind: 'cpu' },
    ],
  };
  const row = { metrics: { ...errors(5000, 500, 0, 0).metrics, ...good.metrics } };

  test('a pass asks for it from weight 25 on: 7 clean blocks', () => {
    const rollout = new Rollout(both);
    expect(rollout.line(row)).toMatchObject({ at: 60, verdict: 'pass' });
    expect(rollout.judge.verdict().metrics[1]?.pass.state).toBe('none');
    rollout.to(25);
    expect(rollout.lines(7, row)).toMatchObject({ at: 480, verdict: 'pass' });
    expect(rollout.judge.verdict().metrics[1]?.pass).toMatchObject({ state: 'yes', margin: 2 });
  });

  test('its margin is never below 1.5', () => {
    const rollout = new Rollout(cpuOnly({ pass: 1.1 }));
    rollout.to(50);
    rollout.line(good);
    expect(rollout.judge.verdict().metrics[0]?.pass.margin).toBe(1.5);
  });

  test('alone it is asked at every weight: a pass never comes from nothing', () => {
    const rollout = new Rollout(cpuOnly());
    expect(rollout.lines(6, good).verdict).toBeNull();
    expect(rollout.line(good)).toMatchObject({ verdict: 'pass' });
  });

  test('a guard on the CPU is not asked', () => {
    const rollout = new Rollout({
      ...both,
      metrics: [both.metrics[0], { name: 'cpu', kind: 'cpu', pass: 'none' }] as never,
    });
    rollout.to(50);
    expect(rollout.line(row)).toMatchObject({ verdict: 'pass' });
  });
});
