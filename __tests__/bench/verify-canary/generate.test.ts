/** Traces of made rollouts: valid lines, and on every axis what the scenario says. */
import { describe, expect, test } from '@jest/globals';
import { CELLS } from '../../../bench/verify-canary/card/cells.ts';
import { generate } from '../../../bench/verify-canary/scenario/generate.ts';
import { seeded } from '../../../bench/verify-canary/scenario/random.ts';
import {
  type Effect,
  NO_EFFECT,
  onsetOf,
  PLAIN,
  type Scenario,
} from '../../../bench/verify-canary/scenario/scenario.ts';
import {
  type CpuArm,
  canonicalLine,
  createJudge,
  type Interval,
  type LatencyArm,
  parseLine,
  type RatioArm,
  type TraceLine,
} from '../../../src/verify-canary/core/index.ts';

const make = (axes: Partial<Scenario>, seed = 1): TraceLine[] => generate({ ...PLAIN, ...axes }, seeded(seed));
const intervals = (lines: readonly TraceLine[]): Interval[] => lines.filter((l): l is Interval => !('type' in l));
const bad = (some: Partial<Effect>): Effect => ({ ...NO_EFFECT, ...some });

function arm<T>(line: Interval, metric: string, which: 'stable' | 'canary'): T {
  const found = line.metrics?.[metric]?.[which];
  if (!found) throw new Error(`no ${metric} of ${which}`);
  return found as T;
}

const errorsOf = (line: Interval, which: 'stable' | 'canary' = 'stable'): RatioArm => arm(line, 'errors', which);

interface Sum {
  n: number;
  e: number;
  over: [number, number, number];
  x: number;
}

function sum(lines: readonly Interval[], which: 'stable' | 'canary'): Sum {
  const total: Sum = { n: 0, e: 0, over: [0, 0, 0], x: 0 };
  for (const line of lines) {
    if (line.gap !== undefined) continue;
    const { n, e } = errorsOf(line, which);
    const { n: requests, le } = arm<LatencyArm>(line, 'latency', which);
    total.n += n;
    total.e += e;
    total.x += arm<CpuArm>(line, 'cpu', which).x;
    for (const [i, bound] of ['0.25', '0.5', '1'].entries())
      total.over[i] = (total.over[i] ?? 0) + requests - (le[bound] ?? 0);
  }
  return total;
}

/** The rate of the sum lies within four standard errors of p. */
function expectRate(count: number, n: number, p: number, inflation = 1): void {
  expect(Math.abs(count - n * p)).toBeLessThan(4 * Math.sqrt(inflation * n * p * (1 - p)) + 1e-9);
}

test.each(CELLS.map((cell) => [cell.name, cell] as const))('%s: lines as a source would write them', (_, cell) => {
  const lines = generate(cell.scenario, seeded(1));
  const judge = createJudge(cell.config);
  // The judge takes them, in this order.
  for (const line of lines.filter((_, i) => i % 9 === 0)) {
    judge.observe(line);
    const text = canonicalLine(line, ['errors', 'latency', 'cpu']);
    expect(canonicalLine(parseLine(text), ['errors', 'latency', 'cpu'])).toBe(text);
  }
  expect(intervals(lines).at(-1)?.end).toBe(cell.scenario.steps.reduce((all, step) => all + step.seconds, 0));
});

test('the same seed gives the same trace, another one another', () => {
  expect(make({}, 3)).toEqual(make({}, 3));
  expect(make({}, 4)).not.toEqual(make({}, 3));
});

describe('axes', () => {
  test('plain: rates, shares and CPU as they are set, a run at each step', () => {
    const lines = make({});
    const [stable, canary] = [sum(intervals(lines), 'stable'), sum(intervals(lines), 'canary')];
    expectRate(stable.e, stable.n, 0.004);
    expectRate(canary.e, canary.n, 0.004);
    for (const [i, p] of PLAIN.slow.entries()) expectRate(canary.over[i] ?? 0, canary.n, p);
    // 5, 10, 25 and 50 % of ten minutes each.
    expectRate(canary.n, stable.n + canary.n, 0.225);
    expect(Math.abs(stable.n + canary.n - 960_000)).toBeLessThan(4 * Math.sqrt(960_000));
    expect(stable.x / (stable.n * 0.004 + 0.02 * 3 * 2400)).toBeCloseTo(1, 1);
    const runs = lines.flatMap((line) => ('type' in line && line.type === 'event' ? [line.at] : []));
    expect(runs).toEqual([0, 600, 1200, 1800]);
  });

  test('effects: factor, extra, outage, CPU', () => {
    const of = (effect: Partial<Effect>): Sum => sum(intervals(make({ effect: bad(effect) })), 'canary');
    const [twice, extra, out, cpu] = [{ errors: 2 }, { extra: 0.01 }, { outage: true }, { cpu: 3 }].map(of) as [
      Sum,
      Sum,
      Sum,
      Sum,
    ];
    expectRate(twice.e, twice.n, 0.008);
    expectRate(extra.e, extra.n, 0.014);
    expect(out.e).toBe(out.n);
    expect((cpu.x - 0.02 * 4 * 2400) / (cpu.n * 0.012)).toBeCloseTo(1, 1);
  });

  test('latency: shift, tail, two humps', () => {
    const of = (latency: Effect['latency']): Sum => sum(intervals(make({ effect: bad({ latency }) })), 'canary');
    const shapes: [Effect['latency'], [number, number, number]][] = [
      [{ shape: 'shift', factor: 3 }, [0.06, 0.006, 0.0006]],
      [{ shape: 'tail', factor: 50 }, [0.02, 0.01, 0.01]],
      [{ shape: 'bimodal', share: 0.05 }, [0.07, 0.052, 0.0002]],
    ];
    for (const [latency, rates] of shapes) {
      const { over, n } = of(latency);
      for (const [i, p] of rates.entries()) expectRate(over[i] ?? 0, n, p);
    }
  });

  test.each<[Scenario['onset'], (line: Interval) => boolean, number]>([
    [{ kind: 'start' }, () => true, 0],
    [{ kind: 'late', after: 900 }, (l) => l.start >= 900, 900],
    [{ kind: 'step', weight: 25 }, (l) => (l.weight ?? 0) >= 25, 1200],
    [{ kind: 'every', period: 300, on: 60 }, (l) => l.start % 300 < 60, 0],
  ])('onset %j', (onset, isBad, from) => {
    const scenario = { ...PLAIN, onset, base: 0, effect: bad({ extra: 0.2 }) };
    const lines = intervals(generate(scenario, seeded(2)));
    for (const line of lines) expect(errorsOf(line, 'canary').e > 0).toBe(isBad(line));
    expect(onsetOf(scenario)).toBe(from);
  });

  test.each<[Scenario['path'], (at: number) => number]>([
    ['diurnal', (at) => 0.04 * (1 + 0.8 * Math.sin((2 * Math.PI * at) / 2400))],
    ['falling', (at) => 0.04 * Math.exp(-at / 600)],
    ['incident', (at) => (at >= 900 && at < 1200 ? 0.2 : 0.04)],
  ])('the base rate is %s for both', (path, rate) => {
    const lines = intervals(make({ path, base: 0.04 }));
    for (const [from, to] of [
      [0, 300],
      [900, 1200],
      [1800, 2100],
    ] as const) {
      const part = lines.filter((l) => l.start >= from && l.start < to);
      const mean = part.reduce((all, l) => all + rate(l.start), 0) / part.length;
      for (const arm of ['stable', 'canary'] as const) {
        const { n, e } = sum(part, arm);
        expectRate(e, n, mean);
      }
    }
  });

  test('a wobbling rate moves both arms together', () => {
    const lines = intervals(make({ path: 'wobble', base: 0.05, rate: 4000 }));
    const rates = (arm: 'stable' | 'canary') => lines.map((l) => sum([l], arm)).map(({ n, e }) => Math.log(e / n));
    const [a, b] = [rates('stable'), rates('canary')];
    const mean = (v: number[]): number => v.reduce((s, x) => s + x, 0) / v.length;
    const [ma, mb] = [mean(a), mean(b)];
    const dot = (p: number[], mp: number, q: number[], mq: number): number =>
      p.reduce((s, x, i) => s + (x - mp) * ((q[i] ?? 0) - mq), 0);
    expect(dot(a, ma, b, mb) / Math.sqrt(dot(a, ma, a, ma) * dot(b, mb, b, mb))).toBeGreaterThan(0.8);
    expect(Math.sqrt(dot(a, ma, a, ma) / a.length)).toBeGreaterThan(0.2);
  });

  test('batches: whole ones, or random ones with as much variance', () => {
    const fixed = intervals(make({ batch: 5 }));
    for (const l of fixed) expect(errorsOf(l).e % 5).toBe(0);
    const random = intervals(make({ batch: 8, burst: 'random', rate: 40, base: 0.2 })).slice(0, 40);
    const values = random.map((l) => errorsOf(l));
    const mean = values.reduce((s, v) => s + v.n * 0.2, 0) / values.length;
    const variance = values.reduce((s, v) => s + (v.e - v.n * 0.2) ** 2, 0) / values.length;
    expect(variance / mean).toBeGreaterThan(4);
    expect(variance / mean).toBeLessThan(14);
  });

  test('share and sticky connections', () => {
    const lines = intervals(make({ shareOdds: 2, sticky: 30 }));
    const canary = lines.filter((l) => l.weight === 50).reduce((s, l) => s + (l.traffic?.canary ?? 0), 0);
    const all = lines.filter((l) => l.weight === 50).reduce((s, l) => s + (l.traffic?.stable ?? 0), canary);
    expectRate(canary, all, 2 / 3, 30);
    for (const l of lines) expect((l.traffic?.canary ?? 1) % 30).toBe(0);
  });

  test('one bad pod of four', () => {
    const { n, e } = sum(intervals(make({ badPod: 21 })), 'canary');
    expectRate(e, n, 0.004 * (3 / 4 + 21 / 4), 2);
  });

  test('missing, lost and restarted readings leave whole time, and as many events a request', () => {
    const lines = intervals(make({ missed: 0.3, gap: 0.1, reset: 0.2, young: true, base: 0.02 }));
    expect(lines.some((l) => l.flags?.includes('stretched'))).toBe(true);
    expect(lines.some((l) => l.flags?.includes('restart'))).toBe(true);
    expect(lines.filter((l) => l.gap === 'query-error').length).toBeGreaterThan(3);
    for (const [i, l] of lines.entries()) expect(l.start).toBe(lines[i - 1]?.end ?? 0);
    const { n, e } = sum(lines, 'canary');
    expectRate(e, n, 0.02);
    expect(n).toBeLessThan(210_000);
  });

  test('duplicates, a cold start, retries', () => {
    const copies = sum(intervals(make({ duplicates: 3 })), 'stable');
    expect([copies.n % 3, copies.e % 3]).toEqual([0, 0]);
    const cold = intervals(make({ warmupPenalty: 10, warmupSeconds: 120, base: 0.02 }));
    const [first, later] = [cold.slice(0, 8), cold.slice(8)].map((part) => sum(part, 'canary')) as [Sum, Sum];
    expectRate(first.e, first.n, 0.2);
    expectRate(later.e, later.n, 0.02);
    const hidden = sum(intervals(make({ retries: 1, base: 0.1 })), 'canary');
    expectRate(hidden.e, hidden.n, 0.01);
  });

  test('CPU keeps as much of its noise as it is told', () => {
    const of = (cpuMemory: number): number => {
      const logs = intervals(make({ cpuMemory, cpuSpread: 0.3, rate: 4000 })).map((l) => {
        const { x, n } = arm<CpuArm>(l, 'cpu', 'stable');
        return Math.log((x - 0.02 * 3 * 15) / (n * 0.004));
      });
      const next = logs.slice(1).reduce((s, v, i) => s + v * (logs[i] ?? 0), 0);
      return next / logs.reduce((s, v) => s + v * v, 0);
    };
    expect(Math.abs(of(0))).toBeLessThan(0.3);
    expect(of(0.9)).toBeGreaterThan(0.7);
  });
});
