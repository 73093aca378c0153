import { describe, expect, test } from '@jest/globals';
import { passMargin, stepFor } from '../../../src/verify-canary/core/defaults.ts';
import {
  createJudge,
  type MetricConfig,
  type MetricInput,
  podBound,
  withDefaults,
} from '../../../src/verify-canary/core/index.ts';

const one = (metric: Partial<MetricInput> = {}) => withDefaults({ metrics: [{ name: 'm', kind: 'ratio', ...metric }] });
const metricOf = (metric: Partial<MetricInput>) => one(metric).metrics[0];

describe('defaults', () => {
  test('a metric by name and kind is enough', () => {
    const judge = createJudge({ metrics: [{ name: 'errors', kind: 'ratio' }] });
    expect(judge.verdict()).toMatchObject({ alpha: 0.01, beta: 0.05, metrics: [{ name: 'errors', floor: 0.001 }] });
  });

  test('of the rollout', () => {
    expect(one()).toMatchObject({
      alpha: 0.01,
      beta: 0.05,
      warmup: 60,
      settle: 120,
      blind: 300,
      silent: 120,
      onInconclusive: 'hold',
      share: { mode: 'enforce', tolerance: 1.5, phi: 1 },
      steps: [],
    });
  });

  test.each([
    ['ratio', { fail: { ratio: 1.25, floor: 0.001 }, phi: 1 }],
    ['latency', { fail: { ratio: 1.25, floor: 0.005 }, phi: 3 }],
    ['cpu', { fail: { ratio: 1.2 }, idle: 0.02, block: 60 }],
  ] as const)('of a %s metric', (kind, expected) => {
    expect(metricOf({ kind })).toMatchObject({ ...expected, weight: 1, mode: 'enforce', pass: null, slo: null });
  });

  test('0 and undefined are not the same', () => {
    expect(metricOf({ fail: { floor: 0 }, idle: 0 })).toMatchObject({ fail: { ratio: 1.25, floor: 0 }, idle: 0 });
    expect(withDefaults({ metrics: [], warmup: 0, settle: 0, share: { phi: undefined } } as never)).toMatchObject({
      warmup: 0,
      settle: 0,
      share: { phi: 1 },
    });
  });

  test('phi auto begins with the default of its kind, and says that it does', () => {
    const phi = (kind: 'ratio' | 'latency' | 'cpu', value?: number | 'auto') => {
      const m = metricOf({ kind, ...(value === undefined ? {} : { phi: value }) });
      return [m?.phi, m?.phiFrom];
    };
    expect([phi('ratio', 'auto'), phi('latency', 'auto')]).toEqual([
      [1, 'default'],
      [3, 'default'],
    ]);
    expect([phi('ratio', 7), phi('latency'), phi('cpu', 'auto')]).toEqual([
      [7, 'config'],
      [3, 'config'],
      [1, 'config'],
    ]);
  });

  test('what has its defaults keeps them, phi auto too', () => {
    const metrics: MetricInput[] = [
      { name: 'a', kind: 'ratio', phi: 'auto', slo: 0.1 },
      { name: 'b', kind: 'latency', le: [2, 1], phi: 7 },
      { name: 'c', kind: 'cpu', pass: 'none' },
    ];
    const config = withDefaults({ metrics, mode: 'before-after', baseline: 60, steps: [{ weight: 100 }] });
    expect(withDefaults(config)).toEqual(config);
    expect(config.metrics[0]?.phiFrom).toBe('default');
    const measured = { ...config, metrics: config.metrics.map((m) => ({ ...m, phiFrom: 'baseline' as const })) };
    expect(withDefaults(measured).metrics[0]?.phiFrom).toBe('default');
  });

  test('the bound at which pods are counted: of the objective, else the largest; none for CPU', () => {
    const bound = (m: Partial<MetricInput>) => podBound(metricOf(m) as MetricConfig);
    expect(bound({ kind: 'latency', le: [1, 0.5, 2], slo: { le: 0.5, max: 0.1 } })).toBe(0.5);
    expect(bound({ kind: 'latency', le: [1, 0.5, 2] })).toBe(2);
    expect([bound({}), bound({ slo: 0.1 }), bound({ kind: 'cpu' })]).toEqual([null, null, undefined]);
  });

  test('bounds are in order', () => {
    expect(metricOf({ kind: 'latency', le: [10, 2, 0.5] })?.le).toEqual([0.5, 2, 10]);
  });

  test('a step, and a weight without one', () => {
    const config = withDefaults({ metrics: [], steps: [{ weight: 5, max: 60 }] });
    expect(stepFor(config, 5)).toEqual({ weight: 5, pass: null, min: 120, max: 60 });
    expect(stepFor(config, 6)).toEqual({ weight: 6, pass: null, min: 120, max: 1200 });
    expect(stepFor(config, null)).toMatchObject({ min: 120, max: 1200 });
  });
});

describe('the margin of a pass', () => {
  const [metric] = one().metrics as [MetricConfig];
  const config = withDefaults({ metrics: [], steps: [{ weight: 5, pass: 1.7 }] });
  const margin = (pass: number | 'none' | null, weight: number | null) =>
    passMargin(config, { ...metric, pass }, weight);

  test.each([
    [1, 3],
    [5.01, 2],
    [25, 2],
    [25.01, 1.5],
    [50, 1.5],
    [50.01, 1.25],
    [99, 1.25],
    [null, 1.5],
  ])('at weight %p: %d', (weight, expected) => {
    expect(margin(null, weight)).toBe(expected);
  });

  test('the metric comes before the step, the step before the table', () => {
    expect([margin(4, 5), margin('none', 5), margin(null, 5)]).toEqual([4, 'none', 1.7]);
  });
});
