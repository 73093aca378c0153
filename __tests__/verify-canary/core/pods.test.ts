/** One bad pod of several is held by its name; a bad version is not taken for one. */
import { describe, expect, test } from '@jest/globals';
import {
  type Arm,
  canonicalLine,
  createJudge,
  type Interval,
  type JudgeConfigInput,
  type MetricInput,
  type PodCounts,
  parseLine,
  withDefaults,
} from '../../../src/verify-canary/core/index.ts';
import { without } from '../../../src/verify-canary/core/pods.ts';
import { cpu, plainConfig, Rollout } from './support.ts';

const endless = [{ weight: 5, min: 0, max: 1e9 }];
const config = (metric: Partial<MetricInput> = {}, more: Partial<JudgeConfigInput> = {}): JudgeConfigInput =>
  plainConfig({ steps: endless, share: { mode: 'observe' }, ...more }, metric);

type Counts = readonly [n: number, e: number];

/** Stable has 9 errors in 900 requests; the canary's pods as given. */
function line(canary: Record<string, Counts>, nodes?: Record<string, string>): Partial<Interval> {
  const pods = Object.fromEntries(Object.entries(canary).map(([pod, [n, e]]) => [pod, { errors: { n, e } }]));
  const [n, e] = Object.values(canary).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  return {
    metrics: { errors: { stable: { n: 900, e: 9 }, canary: { n, e } } },
    pods: { stable: {}, canary: pods },
    ...(nodes === undefined ? {} : { nodes }),
  };
}

const oneBad = line({ x: [100, 40], y: [100, 1], z: [100, 1] }, { x: 'node-7', y: 'node-1' });
const good = line({ x: [100, 1], y: [100, 1], z: [100, 1] });
const allBad = line({ x: [100, 14], y: [100, 13], z: [100, 15] });

describe('a fail that rests on one pod', () => {
  test('is a hold that names pod and node, and nobody else', () => {
    const rollout = new Rollout(config());
    expect(rollout.line(oneBad)).toMatchObject({ done: true, verdict: 'hold', reason: 'single-pod' });
    expect(rollout.judge.verdict()).toMatchObject({ pod: { pod: 'x', node: 'node-7' }, culprits: [] });
    expect(rollout.judge.verdict().steps).toMatchObject([{ verdict: 'hold', reason: 'single-pod' }]);
  });

  test('a node that is not known is null; the one named last counts', () => {
    const blank = new Rollout(config());
    blank.line(line({ x: [100, 40], y: [100, 1] }));
    expect(blank.judge.verdict().pod).toEqual({ pod: 'x', node: null });
    const moved = new Rollout(config());
    moved.line({ ...good, nodes: { x: 'node-1' } });
    moved.line(line({ x: [100, 60], y: [100, 1] }, { x: 'node-2' }));
    expect(moved.judge.verdict().pod).toEqual({ pod: 'x', node: 'node-2' });
  });

  test.each<[string, Partial<Interval>]>([
    ['all pods are bad', allBad],
    ['there is only one pod', line({ x: [100, 40] })],
    ['one pod has requests', line({ x: [100, 40], y: [0, 0] })],
    ['pods are not told apart', { metrics: oneBad.metrics ?? {} }],
    ['two of three are bad', line({ x: [100, 40], y: [100, 40], z: [100, 1] })],
    ['one is much worse, and the others are bad enough', line({ x: [100, 90], y: [100, 30], z: [100, 30] })],
  ])('it is a fail when %s', (_, bad) => {
    const rollout = new Rollout(config());
    expect(rollout.line(bad)).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    expect(rollout.judge.verdict().pod).toBeNull();
  });

  test('pods that follow one another are not two', () => {
    const rollout = new Rollout(config());
    rollout.line(line({ y: [100, 1] }));
    expect(rollout.line(line({ x: [100, 40] })).reason).toBe('worse:errors');
  });

  test('what a pod did in warm-up, or in a gap, names nobody', () => {
    const rollout = new Rollout(config({}, { warmup: 60 }));
    rollout.line(line({ x: [100, 100], y: [100, 0], z: [100, 0] }));
    rollout.line({ ...line({ x: [100, 100], y: [100, 0], z: [100, 0] }), gap: 'partial' });
    expect(rollout.line(allBad).reason).toBe('worse:errors');
  });

  test('an observed metric names nobody; a metric called constructor can', () => {
    const observed = { name: 'errors', kind: 'ratio' as const, mode: 'observe' as const };
    const rollout = new Rollout(config({}, { metrics: [observed, { name: 'constructor', kind: 'ratio' }] }));
    const counts = (e: number): PodCounts => ({ constructor: { n: 100, e } }) as unknown as PodCounts;
    const arms = { stable: { n: 900, e: 9 }, canary: { n: 200, e: 41 } };
    const metrics = { constructor: arms } as unknown as NonNullable<Interval['metrics']>;
    const status = rollout.line({ metrics, pods: { stable: {}, canary: { valueOf: counts(40), y: counts(1) } } });
    expect(status.reason).toBe('single-pod');
    expect(rollout.judge.verdict().pod?.pod).toBe('valueOf');
  });
});

describe('the run after such a hold', () => {
  const late = config({ slo: 0.05 }, { steps: [{ weight: 5, min: 600, max: 1e9 }] });
  const held = (): Rollout => {
    const rollout = new Rollout(late);
    rollout.lines(2, good);
    expect(rollout.line(oneBad).reason).toBe('single-pod');
    rollout.event('run');
    return rollout;
  };

  test('goes on without the pod: its events fail nothing any more', () => {
    const rollout = held();
    expect(rollout.lines(3, oneBad)).toMatchObject({ done: false, verdict: null });
    expect(rollout.judge.verdict().logE).toBeLessThan(0);
    expect(rollout.judge.verdict().metrics[0]?.logE).toBeGreaterThan(10);
  });

  test('with the bad pod still there, nothing passes', () => {
    const rollout = held();
    expect(rollout.lines(300, oneBad).verdict).toBeNull();
  });

  test('with a new pod in its place, it passes once the objective is met again', () => {
    const rollout = held();
    const fresh = line({ w: [100, 1], y: [100, 1], z: [100, 1] });
    expect(rollout.lines(100, fresh)).toMatchObject({ verdict: 'pass', reason: 'healthy' });
  });

  test('fails when the others turn bad; a second bad pod is held too', () => {
    const bad = held();
    expect(bad.lines(5, allBad)).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    const second = held();
    expect(second.lines(5, line({ w: [100, 1], y: [100, 60], z: [100, 1] })).reason).toBe('single-pod');
    expect(second.judge.verdict().pod?.pod).toBe('y');
    second.event('run');
    expect(second.lines(5, line({ w: [100, 90], z: [100, 90] })).reason).toBe('worse:errors');
  });

  test('T02 reads the same from the trace as it was live', () => {
    const rollout = held();
    rollout.lines(4, good);
    const [one, two] = [createJudge(late), createJudge(late)];
    for (const written of rollout.written) {
      if (written.start === 180)
        for (const judge of [one, two]) judge.observe({ v: 1, type: 'event', at: 180, event: 'run' });
      one.observe(written);
      two.observe(parseLine(canonicalLine(written, ['errors'])));
    }
    expect(one.verdict()).toEqual(rollout.judge.verdict());
    expect(two.verdict()).toEqual(rollout.judge.verdict());
  });

  test('a weight that becomes real late is seen in the evidence without the pod too', () => {
    const rollout = new Rollout({ ...config(), settle: 1e6, share: { mode: 'enforce' } });
    rollout.to(50);
    // 25 % instead of 50: the gate begins the step again and again.
    expect(rollout.line({ ...good, traffic: { stable: 900, canary: 300 } }).verdict).toBeNull();
    expect(rollout.line({ ...oneBad, traffic: { stable: 900, canary: 300 } }).reason).toBe('single-pod');
    rollout.event('run');
    rollout.line({ ...good, traffic: { stable: 900, canary: 300 } });
    const { metrics, elapsed, logE } = rollout.judge.verdict();
    expect([elapsed, metrics[0]?.coverage]).toEqual([0, 0]);
    expect(logE).toBeLessThan(0);
  });
});

describe('leaving a pod out of a line', () => {
  const latency: MetricInput = { name: 'latency', kind: 'latency', le: [0.1, 0.5, 1], slo: { le: 0.5, max: 0.1 } };
  const rules = withDefaults({
    metrics: [
      { name: 'errors', kind: 'ratio' },
      latency,
      { name: 'cpu', kind: 'cpu' },
      { name: 'gone', kind: 'ratio' },
    ],
  });
  const stable = { n: 900, le: { '0.1': 800, '0.5': 880, '1': 890 } };
  const whole = (canary: Arm, pod: PodCounts): Interval => ({
    v: 1,
    step: '5',
    weight: 5,
    start: 0,
    end: 60,
    metrics: {
      errors: { stable: { n: 900, e: 9 }, canary: { n: 100, e: 9 } },
      latency: { stable, canary },
      cpu: cpu(900, 100, 9, 1),
      gone: { stable: { n: 1, e: 0 }, canary: null },
    },
    pods: { stable: {}, canary: { x: pod, y: {} } },
  });
  const slow = { n: 100, le: { '0.1': 60, '0.5': 80, '1': 90 } };

  test('its requests and events go; at the other bounds it has the share of slow ones that it has at its own', () => {
    const pod = { errors: { n: 40, e: 7 }, latency: { n: 40, e: 10 } };
    expect(without(whole(slow, pod), rules, new Set(['x'])).metrics).toEqual({
      errors: { stable: { n: 900, e: 9 }, canary: { n: 60, e: 2 } },
      latency: { stable, canary: { n: 60, le: { '0.1': 40, '0.5': 50, '1': 55 } } },
      cpu: cpu(900, 100, 9, 1),
      gone: { stable: { n: 1, e: 0 }, canary: null },
    });
  });

  test('with nothing slow at its own bound it has the share of its requests', () => {
    const fast = { n: 100, le: { '0.1': 60, '0.5': 100, '1': 100 } };
    const line = without(whole(fast, { latency: { n: 50, e: 0 } }), rules, new Set(['x']));
    expect(line.metrics?.latency?.canary).toEqual({ n: 50, le: { '0.1': 30, '0.5': 50, '1': 50 } });
  });

  test('more than there is leaves nothing, and nothing below', () => {
    const pod = { errors: { n: 500, e: 50 }, latency: { n: 500, e: 500 } };
    const { metrics } = without(whole(slow, pod), rules, new Set(['x']));
    expect(metrics?.errors?.canary).toEqual({ n: 0, e: 0 });
    expect(metrics?.latency?.canary).toEqual({ n: 0, le: { '0.1': 0, '0.5': 0, '1': 0 } });
  });

  test('a pod without counts, or one that is not there, changes nothing', () => {
    const line = whole(slow, {});
    expect(without(line, rules, new Set(['y', 'x']))).toEqual(line);
    expect(without(line, rules, new Set(['z']))).toBe(line);
    const { metrics: _, ...bare } = line;
    expect(without(bare, rules, new Set(['x']))).toBe(bare);
  });

  test('a slow pod is held as one with errors is', () => {
    const rollout = new Rollout(config({}, { metrics: [{ ...latency, phi: 1 }] }));
    const metrics = { latency: { stable, canary: { n: 300, le: { '0.1': 210, '0.5': 225, '1': 230 } } } };
    const counts = (e: number): PodCounts => ({ latency: { n: 100, e } });
    const pods = { stable: {}, canary: { x: counts(71), y: counts(2), z: counts(2) } };
    expect(rollout.line({ metrics, pods })).toMatchObject({ verdict: 'hold', reason: 'single-pod' });
  });
});
