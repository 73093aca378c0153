/** The vectors and the configuration that the golden values belong to. */
import type { Interval, JudgeConfigInput } from '../../src/verify-canary/core/index.ts';

/** (n0, n1, e0, e1), one a minute. */
export const V: readonly [number, number, number, number][] = [
  [950, 50, 5, 1],
  [900, 100, 4, 3],
  [750, 250, 4, 6],
  [500, 500, 3, 9],
];

export const goldenConfig: JudgeConfigInput = {
  warmup: 0,
  settle: 0,
  metrics: [{ name: 'errors', kind: 'ratio', fail: { ratio: 1.25, floor: 0.001 }, slo: 0.01, pass: 3 }],
};

/** Minute `i` of the step 5, at weight 5. */
export const minute = (i: number, more: Partial<Interval>): Interval => ({
  v: 1,
  step: '5',
  weight: 5,
  start: i * 60,
  end: (i + 1) * 60,
  ...more,
});
