import { describe, expect, test } from '@jest/globals';
import { ratioInterval } from '../../../src/verify-canary/core/confidence.ts';
import type { JudgeConfigInput } from '../../../src/verify-canary/core/index.ts';
import { logAddExp, logSumExp } from '../../../src/verify-canary/core/log.ts';
import { clampRho, failProcess } from '../../../src/verify-canary/core/ratio.ts';
import { logShare } from '../../../src/verify-canary/core/share.ts';
import { logCertificate, logViolation } from '../../../src/verify-canary/core/slo.ts';
import { cpu, errors, plainConfig, Rollout, ratio } from './support.ts';

/** Every number of a report, wherever it is. */
function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersOf) : [];
}

const three: JudgeConfigInput = plainConfig({
  share: { mode: 'observe' },
  alpha: 1e-300,
  steps: [{ weight: 5, min: 1e9, max: 1e9 }],
  metrics: [
    { name: 'errors', kind: 'ratio', slo: 0.01 },
    { name: 'latency', kind: 'latency', le: [0.5], slo: { le: 0.5, max: 0.05 } },
    { name: 'cpu', kind: 'cpu' },
  ],
});

describe('T08 odd counts', () => {
  test.each<[string, number, number, number, number]>([
    ['no canary request', 1000, 0, 5, 0],
    ['no stable request', 0, 50, 0, 1],
    ['no request', 0, 0, 0, 0],
    ['no request, yet events', 0, 0, 3, 3],
    ['more events than requests', 10, 10, 20, 30],
    ['only events', 100, 100, 100, 100],
    ['rho near 1', 1, Number.MAX_SAFE_INTEGER, 1, 1],
    ['rho near 0', Number.MAX_SAFE_INTEGER, 1, 1, 1],
  ])('%s: every number is finite', (_, n0, n1, e0, e1) => {
    const rollout = new Rollout(three);
    const arm = (n: number, e: number) => ({ n, le: { '0.5': Math.max(0, n - e) } });
    const latency = { stable: arm(n0, e0), canary: arm(n1, e1) };
    for (let i = 0; i < 3; i += 1) {
      rollout.line({ metrics: { errors: ratio(n0, n1, e0, e1), latency, cpu: cpu(n0, n1, e0, e1) } });
    }
    const verdict = rollout.judge.verdict();
    for (const n of numbersOf(verdict)) expect(Number.isFinite(n)).toBe(true);
    expect(verdict.metrics).toHaveLength(3);
  });

  test('an arm without requests gives no ratio evidence, but the canary alone certifies its objective', () => {
    const rollout = new Rollout(three);
    rollout.line(errors(0, 400, 0, 0));
    const [metric] = rollout.judge.verdict().metrics;
    expect(metric).toMatchObject({ logE: 0, ratio: null, ci: [null, null], excess: null });
    expect(metric?.pass.logP).toBeCloseTo(logAddExp(0, logCertificate(0, 400, 0.01, 1)) - Math.LN2, 12);
  });

  test('more events than requests count as that many requests', () => {
    const [torn, whole] = [new Rollout(three), new Rollout(three)];
    torn.line(errors(1000, 10, 5, 30));
    whole.line(errors(1000, 30, 5, 30));
    expect(torn.judge.evidence()).toEqual(whole.judge.evidence());
    expect(logCertificate(30, 10, 0.01, 1)).toBe(logCertificate(30, 30, 0.01, 1));
    const [a, b] = [failProcess(0, 1), failProcess(0, 1)];
    a.add(1000, 10, 5, 30);
    b.add(1000, 30, 5, 30);
    expect(a.logE()).toBe(b.logE());
  });

  test('rho stays inside (0, 1)', () => {
    expect([clampRho(1, 0), clampRho(0, 1), clampRho(3, 1)]).toEqual([1e-9, 1 - 1e-9, 0.25]);
  });
});

describe('T09 large counts', () => {
  test('RR = 100, a million events in 1e9 requests, 10,000 intervals: finite, and so is the interval', () => {
    const process = failProcess(Math.log(1.25), 1);
    const intervals = Array.from({ length: 10_000 }, () => ({ n0: 1e9, n1: 1e9, e0: 1e4, e1: 1e6 }));
    for (const { n0, n1, e0, e1 } of intervals) process.add(n0, n1, e0, e1);
    expect(Number.isFinite(process.logE())).toBe(true);
    expect(process.logE()).toBeGreaterThan(1e9);
    const { ratio: shown, low, high } = ratioInterval(intervals, 0.05);
    expect(shown).toBeCloseTo(100, 2);
    expect(Number.isFinite(low)).toBe(true);
    expect(Number.isFinite(high)).toBe(true);
    expect([low ?? 0, shown ?? 0, high ?? 0]).toEqual([low, shown, high].sort((a, b) => (a ?? 0) - (b ?? 0)));
  });

  test('one such interval fails, and the verdict has no number that is not finite', () => {
    const rollout = new Rollout(plainConfig({}, { fail: { floor: 0 } }));
    rollout.weight = null;
    expect(rollout.line(errors(1e9, 1e9, 1e4, 1e6))).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    for (const n of numbersOf(rollout.judge.verdict())) expect(Number.isFinite(n)).toBe(true);
    expect(rollout.judge.verdict().p).toBe(0);
  });

  test('objective and share of 2^53-1 requests are finite', () => {
    const most = Number.MAX_SAFE_INTEGER;
    for (const [e, n] of [
      [0, most],
      [most, most],
      [most, 0],
    ] as const) {
      expect(Number.isFinite(logCertificate(e, n, 0.01, 1))).toBe(true);
      expect(Number.isFinite(logViolation(e, n, 0.01, 1))).toBe(true);
      expect(Number.isFinite(logShare(e, n, 5, 1.5, 1))).toBe(true);
    }
  });

  test('an objective close to 1 has alternatives below 1', () => {
    expect(Number.isFinite(logViolation(99, 100, 0.9, 1))).toBe(true);
    expect(logViolation(100, 100, 0.9, 1)).toBeCloseTo(100 * Math.log(0.95 / 0.9), 9);
  });

  test('sums in the log domain', () => {
    const none = Number.NEGATIVE_INFINITY;
    expect([logSumExp([]), logSumExp([none, none]), logAddExp(none, none)]).toEqual([none, none, none]);
    expect(logSumExp([1e300, 1e300])).toBe(1e300);
    expect(logAddExp(-1e300, 5)).toBe(5);
    expect(logAddExp(1000, 1000)).toBeCloseTo(1000 + Math.LN2, 12);
    expect(Object.is(logSumExp([-0]), 0) && Object.is(logAddExp(-0, none), 0)).toBe(true);
  });
});

describe('interval of the ratio at its ends', () => {
  const one = (e0: number, e1: number) => ratioInterval([{ n0: 1000, n1: 1000, e0, e1 }], 0.05);

  test('no events: no ratio', () => {
    expect(one(0, 0)).toEqual({ ratio: null, low: null, high: null });
  });

  test('events on stable only: ratio 0, bounded above', () => {
    expect(one(20, 0)).toMatchObject({ ratio: 0, low: 0 });
    expect(one(20, 0).high).toBeLessThan(1);
  });

  test('events on the canary only: no ratio, bounded below', () => {
    expect(one(0, 20)).toMatchObject({ ratio: null, high: null });
    expect(one(0, 20).low).toBeGreaterThan(1);
  });

  test('bursts widen it', () => {
    const counts = [{ n0: 1000, n1: 1000, e0: 20, e1: 40 }];
    const [plain, bursts] = [ratioInterval(counts, 0.05), ratioInterval(counts, 0.05, 3)];
    expect(bursts.ratio).toBeCloseTo(plain.ratio ?? 0, 6);
    expect(bursts.low).toBeLessThan(plain.low ?? 0);
    expect(bursts.high).toBeGreaterThan(plain.high ?? 0);
  });
});
