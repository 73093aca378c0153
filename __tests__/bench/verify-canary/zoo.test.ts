/** Each model does what its documentation says. */
import { describe, expect, test } from '@jest/globals';
import { bayes, zOnce, zPeeking } from '../../../bench/verify-canary/zoo/counts.ts';
import { argo, flagger, p99Ratio } from '../../../bench/verify-canary/zoo/limits.ts';
import type { Model } from '../../../bench/verify-canary/zoo/model.ts';
import { ours } from '../../../bench/verify-canary/zoo/ours.ts';
import { isHigh, kayenta, pipecd } from '../../../bench/verify-canary/zoo/ranks.ts';
import type { Interval } from '../../../src/verify-canary/core/index.ts';

interface Arm {
  n: number;
  e?: number;
  /** Requests over 0.25, 0.5 and 1 s. */
  slow?: [number, number, number];
}

/** Minute `i` after warm-up. */
function minute(i: number, stable: Arm, canary: Arm, seconds = 60): Interval {
  const latency = ({ n, slow: [a, b, c] = [0, 0, 0] }: Arm) => ({ n, le: { '0.25': n - a, '0.5': n - b, '1': n - c } });
  const errors = ({ n, e = 0 }: Arm) => ({ n, e });
  return {
    v: 1,
    step: '5',
    weight: 5,
    start: 60 + i * seconds,
    end: 60 + (i + 1) * seconds,
    metrics: {
      errors: { stable: errors(stable), canary: errors(canary) },
      latency: { stable: latency(stable), canary: latency(canary) },
      cpu: { stable: { n: stable.n, x: 1, pods: 3 }, canary: { n: canary.n, x: 1, pods: 1 } },
    },
  };
}

const GOOD: Arm = { n: 1000, e: 2 };

/** The word after each minute. */
function words(model: Model, canary: readonly Arm[], stable: readonly Arm[] = [GOOD], seconds = 60): string[] {
  return canary.map((arm, i) => {
    model.observe(minute(i, stable[i] ?? stable[0] ?? GOOD, arm, seconds));
    return model.verdict();
  });
}

describe('Flagger', () => {
  const bad: Arm = { n: 1000, e: 11 };

  test('the success rate may be 99 %, not less', () => {
    expect(words(flagger(1), [{ n: 1000, e: 10 }, bad])).toEqual(['pass', 'fail']);
  });

  test('p99 may be 500 ms, not more', () => {
    expect(
      words(flagger(1), [
        { n: 1000, slow: [50, 10, 0] },
        { n: 1000, slow: [50, 11, 0] },
      ]),
    ).toEqual(['pass', 'fail']);
  });

  test('failed checks add up, whatever is between them', () => {
    const model = flagger(5);
    expect(words(model, [bad, GOOD, bad, GOOD, bad, bad, GOOD, bad]).at(-2)).toBe('pass');
    expect(model.verdict()).toBe('fail');
  });

  test('no traffic is a failed check', () =>
    expect(words(flagger(2), [{ n: 0 }, { n: 0 }])).toEqual(['go-on', 'fail']));
});

describe('Argo Rollouts', () => {
  const bad: Arm = { n: 1000, e: 51 };
  const five = (arms: Arm[]): Arm[] => arms.flatMap((arm) => Array.from({ length: 5 }, () => arm));

  test('more than failureLimit measurements below 0.95 abort', () => {
    expect(words(argo(0), five([{ n: 1000, e: 50 }, bad])).filter((_, i) => i % 5 === 4)).toEqual(['pass', 'fail']);
    expect(words(argo(3), five([bad, bad, GOOD, bad, bad])).filter((_, i) => i % 5 === 4)).toEqual([
      'pass',
      'pass',
      'pass',
      'pass',
      'fail',
    ]);
  });

  test('a measurement is of five minutes', () => {
    expect(words(argo(0), [{ n: 1000, e: 200 }, GOOD, GOOD, GOOD, GOOD])).toEqual([
      'go-on',
      'go-on',
      'go-on',
      'go-on',
      'pass',
    ]);
  });
});

describe('p99 ratio', () => {
  test('p99 of a minute above 1.2 times stable fails', () => {
    // p99 of stable 0.25 s; of the canary 0.25 + 0.25 · 10/n over.
    const stable: Arm = { n: 1000, slow: [10, 0, 0] };
    expect(words(p99Ratio(), [{ n: 1000, slow: [12, 0, 0] }], [stable])).toEqual(['pass']);
    expect(words(p99Ratio(), [{ n: 1000, slow: [13, 0, 0] }], [stable])).toEqual(['fail']);
  });
});

describe('Kayenta', () => {
  const series = (base: number): number[] => Array.from({ length: 10 }, (_, i) => base + 0.1 * ((7 * i) % 10));

  test('high is a shift whose 98 % interval lies above a quarter of its estimate', () => {
    expect(isHigh(series(0), series(0))).toBe(false);
    expect(isHigh(series(3), series(0))).toBe(true);
    // Lower is not high.
    expect(isHigh(series(0), series(3))).toBe(false);
    // Above 0, but not above a quarter of the estimate.
    expect(isHigh(series(0.44), series(0))).toBe(false);
  });

  test('one of two metrics high is a score of 50: fail, once five minutes can show it', () => {
    const canary = Array.from({ length: 6 }, (_, i) => ({ n: 1000, e: 20 + i }));
    const stable = Array.from({ length: 6 }, (_, i) => ({ n: 1000, e: 2 + i / 10 }));
    expect(words(kayenta(), canary, stable)).toEqual(['pass', 'pass', 'pass', 'pass', 'fail', 'fail']);
  });
});

describe('PipeCD', () => {
  const rising = (from: number): Arm[] => Array.from({ length: 20 }, (_, i) => ({ n: 1000, e: from + (i % 4) }));

  test('readings of five minutes are compared by ranks; p up to 0.05 fails', () => {
    expect(words(pipecd(), rising(2), rising(2), 15).at(-1)).toBe('pass');
    const worse = words(pipecd(), rising(9), rising(2), 15);
    expect([worse.at(-2), worse.at(-1)]).toEqual(['go-on', 'fail']);
  });

  test('deviation EITHER: a better canary fails too', () => {
    expect(words(pipecd(), rising(2), rising(9), 15).at(-1)).toBe('fail');
  });
});

describe('pooled counts', () => {
  test('the z-test looks after every reading, or once', () => {
    const stable: Arm = { n: 10_000, e: 100 };
    // 40 in 2000 against 100 in 10,000: z = 3.8; with what follows 1.1.
    const canary: Arm[] = [
      { n: 2000, e: 40 },
      { n: 8000, e: 80 },
    ];
    const stables: Arm[] = [stable, { n: 10_000, e: 110 }];
    expect(words(zPeeking(), canary, stables)).toEqual(['fail', 'fail']);
    expect(words(zOnce(180), canary, stables)).toEqual(['pass', 'pass']);
    expect(words(zOnce(120), canary, stables)[0]).toBe('fail');
  });

  test('slow requests count as errors do', () => {
    expect(words(zPeeking(), [{ n: 1000, slow: [40, 40, 0] }], [{ n: 1000, slow: [10, 10, 0] }])).toEqual(['fail']);
    expect(words(bayes(), [{ n: 1000, slow: [40, 40, 0] }], [{ n: 1000, slow: [10, 10, 0] }])).toEqual(['fail']);
  });

  test('Bayes fails above 0.95, not at a coin toss', () => {
    expect(words(bayes(), [{ n: 100, e: 2 }], [{ n: 100, e: 2 }])).toEqual(['pass']);
    expect(words(bayes(), [{ n: 100, e: 8 }], [{ n: 100, e: 2 }])).toEqual(['fail']);
  });
});

describe('ours', () => {
  const config = {
    warmup: 0,
    settle: 0,
    share: { mode: 'observe' as const },
    metrics: [{ name: 'errors', kind: 'ratio' as const, slo: 0.05 }],
    steps: [{ weight: 5, min: 0, max: 300 }],
  };

  test('says pass, fail, hold and go-on as the judge does', () => {
    expect(words(ours(config), [{ n: 1000, e: 1 }])).toEqual(['pass']);
    expect(words(ours(config), [{ n: 1000, e: 900 }])).toEqual(['fail']);
    const few = Array.from({ length: 5 }, () => ({ n: 2, e: 0 }));
    expect(words(ours(config), few)).toEqual(['go-on', 'go-on', 'go-on', 'go-on', 'hold']);
  });
});

test('the first minute is hidden from every model', () => {
  const cold = { ...minute(0, GOOD, { n: 1000, e: 900, slow: [900, 900, 900] }), start: 0, end: 60 };
  for (const model of [flagger(1), argo(0), p99Ratio(), kayenta(), pipecd(), zPeeking(), bayes()]) {
    model.observe(cold);
    expect(model.verdict()).toBe('go-on');
  }
});
