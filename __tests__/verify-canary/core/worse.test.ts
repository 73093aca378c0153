/** Evidence that the canary is worse: what must fail, and what must not. */
import { describe, expect, test } from '@jest/globals';
import { logSumExp } from '../../../src/verify-canary/core/log.ts';
import { errors, LN100, plainConfig, Rollout, ratio } from './support.ts';

const late = [{ weight: 5, min: 0, max: 1e9 }];
const guardsOnly = plainConfig({ share: { mode: 'observe' }, steps: late }, { pass: 'none' });

test('T04 pooled counts show twice the rate, every interval the same rate: no fail', () => {
  const rollout = new Rollout(guardsOnly);
  let [n0, n1, e0, e1] = [0, 0, 0, 0];
  for (let i = 0; i < 200; i += 1) {
    // Bad times with much canary traffic, good times with little.
    const counts: [number, number, number, number] = i % 2 === 0 ? [500, 500, 50, 50] : [950, 50, 10, 1];
    if (i % 2 === 1) counts[3] = i % 4 === 1 ? 1 : 0;
    n0 += counts[0];
    n1 += counts[1];
    e0 += counts[2];
    e1 += counts[3];
    expect(rollout.line(errors(...counts)).verdict).toBeNull();
  }
  expect(e1 / n1 / (e0 / n0)).toBeGreaterThan(2);
  expect(rollout.judge.verdict().logE).toBeLessThan(0.1);
  // The very same counts in one interval are a regression.
  expect(new Rollout(guardsOnly).line(errors(n0, n1, e0, e1))).toMatchObject({ reason: 'worse:errors' });
});

describe('T10 the absolute floor', () => {
  test('5 in a million against 1 is no fail, however large the evidence', () => {
    const bare = new Rollout(
      plainConfig({ steps: late, share: { mode: 'observe' } }, { pass: 'none', fail: { floor: 0 } }),
    );
    const floored = new Rollout(guardsOnly);
    for (let i = 0; i < 50; i += 1) {
      bare.line(errors(1e6, 1e6, 1, 5));
      expect(floored.line(errors(1e6, 1e6, 1, 5)).verdict).toBeNull();
    }
    expect(bare.judge.verdict()).toMatchObject({ verdict: 'fail' });
    expect(floored.judge.verdict().logE).toBe(0);
    expect(floored.judge.verdict().metrics[0]?.excess).toBeCloseTo(4e-6, 12);
  });

  test('evidence against a harm is not capped: below 0 it stays', () => {
    const rollout = new Rollout(guardsOnly);
    rollout.line(errors(1000, 1000, 100, 50));
    expect(rollout.judge.verdict().logE).toBeLessThan(-0.1);
  });

  test('a step above the floor counts although the rollout is below it', () => {
    const rollout = new Rollout({ ...guardsOnly, alpha: 1e-9, steps: [...late, { weight: 10, min: 0, max: 1e9 }] });
    rollout.lines(20, errors(1e5, 1e5, 10, 10));
    rollout.line(errors(1e5, 1e4, 10, 40));
    expect(rollout.judge.verdict().logE).toBe(0);
    rollout.to(10);
    rollout.line(errors(1e5, 1e4, 10, 40));
    expect(rollout.judge.verdict().logE).toBeGreaterThan(5);
  });
});

describe('T11 many metrics share one alpha', () => {
  const ten = Array.from({ length: 10 }, (_, i) => ({ name: `m${i}`, kind: 'ratio' as const, pass: 'none' as const }));

  test('one of ten at 1/alpha, nine without evidence: E is a tenth of it, no fail', () => {
    const rollout = new Rollout(plainConfig({ metrics: ten, share: { mode: 'observe' }, steps: late }));
    let alone = 0;
    while (alone < LN100) {
      const status = rollout.line({ metrics: { m3: ratio(950, 50, 5, 3) } });
      alone = rollout.judge.evidence().fail[3] ?? 0;
      expect(status.logE).toBeCloseTo(Math.log((Math.exp(alone) + 9) / 10), 9);
      expect(status.verdict).toBeNull();
    }
    expect(alone).toBeLessThan(Math.log(900));
  });

  test('the weight of a metric is its share of alpha', () => {
    const rollout = new Rollout(
      plainConfig({
        metrics: [
          { name: 'errors', kind: 'ratio', weight: 3 },
          { name: 'b', kind: 'ratio' },
        ],
      }),
    );
    const status = rollout.line(errors(950, 50, 5, 3));
    expect(status.logE).toBeCloseTo(Math.log(0.75 * Math.exp(rollout.judge.evidence().fail[0] ?? 0) + 0.25), 9);
  });

  test('nobody fails alone: the largest term is the one culprit', () => {
    const metrics = ['a', 'b', 'c'].map((name) => ({ name, kind: 'ratio' as const, pass: 'none' as const }));
    const rollout = new Rollout(plainConfig({ metrics, share: { mode: 'observe' }, steps: late }));
    const row = { metrics: { a: ratio(200, 20, 4, 1), b: ratio(204, 20, 4, 1), c: ratio(200, 20, 4, 1) } };
    let status = rollout.line(row);
    for (let i = 0; i < 500 && !status.done; i += 1) status = rollout.line(row);
    const terms = rollout.judge.evidence().fail.map((log) => log - Math.log(3));
    expect(Math.max(...terms)).toBeLessThan(LN100);
    expect(logSumExp(terms)).toBeGreaterThanOrEqual(LN100);
    expect(status.reason).toBe('worse:b');
    expect(rollout.judge.verdict().culprits).toEqual(['b']);
  });

  test('all that fail alone are culprits, the largest first', () => {
    const metrics = ['a', 'b', 'c'].map((name) => ({ name, kind: 'ratio' as const }));
    const rollout = new Rollout(plainConfig({ metrics }));
    const status = rollout.line({
      metrics: { a: ratio(950, 50, 5, 30), b: ratio(950, 50, 5, 1), c: ratio(950, 50, 5, 40) },
    });
    expect(status.reason).toBe('worse:c');
    expect(rollout.judge.verdict().culprits).toEqual(['c', 'a']);
  });

  test('several bounds of a latency metric are averaged', () => {
    const latency = [{ name: 'latency', kind: 'latency' as const, le: [1, 0.1], phi: 1 }];
    const rollout = new Rollout(plainConfig({ metrics: latency }));
    const arms = { stable: { n: 950, le: { '0.1': 940, '1': 950 } }, canary: { n: 50, le: { '0.1': 42, '1': 50 } } };
    rollout.line({ metrics: { latency: arms } });
    const [report] = rollout.judge.verdict().metrics;
    const [fast, slow] = report?.streams ?? [];
    expect([fast?.le, fast?.canary.e, slow?.le, slow?.canary.e]).toEqual([0.1, 8, 1, 0]);
    expect(report?.logE).toBeCloseTo(Math.log((Math.exp(fast?.logE ?? 0) + Math.exp(slow?.logE ?? 0)) / 2), 12);
    expect(report?.ratio).toBe(fast?.ratio);
  });
});

test('T12 an observed metric with enormous evidence does not fail; the report shows it', () => {
  const metrics = [
    { name: 'errors', kind: 'ratio' as const, slo: 0.01 },
    { name: 'trial', kind: 'ratio' as const, mode: 'observe' as const },
  ];
  const rollout = new Rollout(plainConfig({ metrics }));
  const row = { metrics: { errors: ratio(1900, 100, 0, 0), trial: ratio(1900, 100, 1, 90) } };
  const status = rollout.lines(5, row);
  expect(status.verdict).toBe('pass');
  expect(status.logE).toBeCloseTo(0, 12);
  const { metrics: reports, culprits } = rollout.judge.verdict();
  expect(culprits).toEqual([]);
  expect(reports[1]).toMatchObject({ mode: 'observe', canary: { e: 450 }, pass: { state: 'none' } });
  expect(reports[1]?.logE).toBeGreaterThan(100);
  expect(reports[1]?.p).toBeLessThan(1e-9);
});
