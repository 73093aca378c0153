import { describe, expect, test } from '@jest/globals';
import { ratioInterval } from '../../../src/verify-canary/core/confidence.ts';
import { logBets } from '../../../src/verify-canary/core/cpu.ts';
import { createJudge } from '../../../src/verify-canary/core/index.ts';
import { createTerms, failProcess, type Process, passProcess } from '../../../src/verify-canary/core/ratio.ts';
import { logShare } from '../../../src/verify-canary/core/share.ts';
import { logSign } from '../../../src/verify-canary/core/sign.ts';
import { logCertificate, logViolation } from '../../../src/verify-canary/core/slo.ts';
import { goldenConfig, minute, V } from '../golden.ts';

const DIGITS = 6;

function values(process: Process, inject: boolean): number[] {
  return V.map(([n0, n1, e0, e1], i) => {
    if (inject && i > 0) process.inject();
    process.add(n0, n1, e0, e1);
    return process.logE();
  });
}

function near(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((a, i) => {
    expect(Math.abs(a - (expected[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-6);
  });
}

describe('T01 golden vectors', () => {
  const plain = (r: number): Process => failProcess(Math.log(r), 1, createTerms(Math.log(r), 1), false);
  test.each<[string, number[], number[]]>([
    ['plain mixture, r = 1', values(plain(1), false), [-0.009168, 2.046853, 4.452336, 5.673471]],
    ['plain mixture, r = 1.25', values(plain(1.25), false), [-0.220263, 1.390956, 3.072956, 3.700057]],
    ['restarts, r = 1', values(failProcess(0, 1), true), [-0.007327, 1.856838, 4.23361, 5.45263]],
    ['restarts, r = 1.25', values(failProcess(Math.log(1.25), 1), true), [-0.172158, 1.229498, 2.863028, 3.484755]],
    ['one minute, r = 1.25', values(failProcess(Math.log(1.25), 1), false), [-0.172158, 1.228164, 2.861318, 3.483075]],
    ['restarts, phi = 3', values(failProcess(Math.log(1.25), 3), true), [-0.143104, 0.220357, 0.590717, 0.694162]],
    ['pass, m = 2', values(passProcess(Math.log(2), 1), false), [-1.117196, -2.390435, -3.060525, -3.318502]],
    ['pass, m = 3', values(passProcess(Math.log(3), 1), false), [-0.967523, -2.163472, -2.693283, -2.805397]],
    ['pass, m = 2, phi = 3', values(passProcess(Math.log(2), 3), false), [-0.467569, -1.409543, -2.057027, -2.32469]],
  ])('%s', (_, actual, expected) => near(actual, expected));

  test('interval of the ratio', () => {
    const counts = V.map(([n0, n1, e0, e1]) => ({ n0, n1, e0, e1 }));
    const two = ratioInterval(counts.slice(0, 2), 0.05);
    expect(two.ratio).toBeCloseTo(5.4957, 4);
    near([two.low ?? 0, two.high ?? 0], [0.600043, 32.034072]);
    const four = ratioInterval(counts, 0.05);
    expect(four.ratio).toBeCloseTo(4.3021, 4);
    near([four.low ?? 0, four.high ?? 0], [1.25113, 15.330029]);
  });

  test('objective: certificate and violation', () => {
    near(
      [logCertificate(0, 363, 0.01, 1), logCertificate(1, 500, 0.01, 1), logCertificate(3, 1000, 0.01, 1)],
      [2.997655, 1.73334, 2.771138],
    );
    near([logCertificate(20, 1000, 0.01, 1)], [-10.024507]);
    near(
      [logViolation(20, 1000, 0.01, 1), logViolation(1, 500, 0.01, 1), logViolation(30, 100, 0.2, 1)],
      [2.910178, -3.407372, 1.539599],
    );
  });

  test.each([
    [0.05, 71, 87],
    [0.01, 363, 440],
    [0.001, 3646, 4421],
  ])('first n without events that certifies %d', (s, alone, averaged) => {
    const firstN = (limit: number): number => {
      let n = 1;
      while (logCertificate(0, n, s, 1) < limit) n += 1;
      return n;
    };
    expect(firstN(Math.log(20))).toBe(alone);
    expect(firstN(Math.log(20) + Math.LN2)).toBe(averaged);
  });

  test('traffic share', () => {
    const share = (k: number, n: number): number => logShare(n - k, k, 5, 1.5, 1);
    near([share(60, 1000), share(90, 1000), share(5, 1000)], [-4.881857, -1.443587, 17.806932]);
    near([share(0, 178), share(0, 200)], [4.605586, 5.302512]);
    expect(share(0, 177)).toBeLessThan(Math.log(100));
  });

  test('sign test', () => {
    near(
      [logSign(7, 0), logSign(9, 1), logSign(12, 3), logSign(5, 5), logSign(0, 4), logSign(9, 0), logSign(40, 20)],
      [3.461822, 2.918262, 2.186776, -0.995853, -1.609438, 4.62791, 2.194248],
    );
    near(
      [
        logBets([
          { above: 0, notAbove: 4 },
          { above: 9, notAbove: 0 },
        ]),
      ],
      [3.255208],
    );
  });
});

describe('T01 golden traces', () => {
  test('G1 fails at 360 s', () => {
    const judge = createJudge(goldenConfig);
    const rows = [...V, V[3], V[3]].filter((v) => v !== undefined);
    const states = rows.map(([n0, n1, e0, e1], i) =>
      judge.observe(
        minute(i, { weight: null, metrics: { errors: { stable: { n: n0, e: e0 }, canary: { n: n1, e: e1 } } } }),
      ),
    );
    near([states[4]?.logE ?? 0, states[5]?.logE ?? 0], [4.221293, 5.021555]);
    expect(states[4]?.done).toBe(false);
    expect(states[5]).toMatchObject({ done: true, verdict: 'fail', reason: 'worse:errors', at: 360 });
    const verdict = judge.verdict();
    expect(verdict.p).toBeCloseTo(0.00659427, DIGITS);
    const [errors] = verdict.metrics;
    expect(errors?.ratio).toBeCloseTo(3.74147, 5);
    expect(errors?.ci[0]).toBeCloseTo(1.42125, 5);
    expect(errors?.ci[1]).toBeCloseTo(10.6632, 4);
    expect(errors?.excess).toBeCloseTo(0.0136627, DIGITS);
    expect(verdict.culprits).toEqual(['errors']);
  });

  test('G2 passes at 300 s', () => {
    const judge = createJudge(goldenConfig);
    const metrics = { errors: { stable: { n: 1900, e: 0 }, canary: { n: 100, e: 0 } } };
    const evidence: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const status = judge.observe(minute(i, { metrics }));
      expect(status.done).toBe(i === 4);
      evidence.push(judge.verdict().metrics[0]?.pass.logP ?? Number.NaN);
    }
    near(evidence, [0.461003, 1.083325, 1.833834, 2.670448, 3.560797]);
    const verdict = judge.verdict();
    expect(verdict).toMatchObject({ verdict: 'pass', reason: 'healthy', to: 300 });
    near([verdict.share.logE], [-13.287636]);
  });

  test('G3 holds at 120 s', () => {
    const judge = createJudge(goldenConfig);
    const metrics = { errors: { stable: { n: 100, e: 0 }, canary: { n: 0, e: 0 } } };
    judge.observe(minute(0, { metrics }));
    near([judge.verdict().share.logE], [2.18151]);
    const status = judge.observe(minute(1, { metrics }));
    near([judge.verdict().share.logE], [5.302512]);
    expect(status).toMatchObject({ done: true, verdict: 'hold', reason: 'routing-not-applied', at: 120 });
  });
});
