/** What one interval costs the judge: 20 latency metrics of 11 bounds, beside recomputing from all intervals so far. */
import { createJudge, type Interval, type JudgeConfigInput } from '../../src/verify-canary/core/index.ts';
import { GRID, logSumExp } from '../../src/verify-canary/core/log.ts';
import { clampRho, failProcess, passProcess } from '../../src/verify-canary/core/ratio.ts';
import type { Bench } from '../lib/bench.ts';
import { ratio } from '../lib/measure.ts';
import { binomial } from './scenario/draws.ts';
import { type Random, seeded } from './scenario/random.ts';

const METRICS = 20;
const LE = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const INTERVALS = 1000;
/** The compiler has seen everything by then. */
const WARM = 200;
const RUNS = 5;
/** Recomputing costs more with every interval; here it is asked how much after so many. */
const DEPTH = 100;
const MOST_MS = 2;

export const run: Bench = async () => {
  const lines = makeLines(seeded(1));
  const config: JudgeConfigInput = {
    warmup: 0,
    share: { mode: 'observe' },
    metrics: Array.from({ length: METRICS }, (_, i) => ({
      name: `latency-${i}`,
      kind: 'latency',
      le: LE,
      slo: { le: 0.5, max: 0.05 },
    })),
    steps: [{ weight: 5, min: 1e9, max: 1e9 }],
  };
  const all = Array.from({ length: RUNS }, () => observeAll(config, lines));
  const best = all.reduce((least, one) => (one.p95 < least.p95 ? one : least));
  const naive = recompute(lines.slice(0, DEPTH));
  const ms = (value: number): string => value.toFixed(2);
  return {
    about: `Processor time of \`observe\` over ${INTERVALS} intervals, ${METRICS} latency metrics of ${LE.length} bounds (${METRICS * LE.length} streams), the first ${WARM} left out; the least of ${RUNS} runs.`,
    columns: ['', 'median ms', 'p95 ms', 'most ms', 'ratio of medians'],
    rows: [
      ['observe', ms(best.median), ms(best.p95), ms(best.most), '1.00x'],
      [`recomputed from all intervals, after ${DEPTH}`, ms(naive.ms), '-', '-', ratio(naive.ms, best.median)],
    ],
    facts: { runs: all, naive, depth: DEPTH, intervals: INTERVALS, streams: METRICS * LE.length },
    limits: [{ name: 'observe, p95,', measured: Number(best.p95.toFixed(2)), most: MOST_MS, unit: 'ms' }],
    notes: [
      'Recomputing gives the same evidence (checked to 1e-9) without restarts, objectives and the rest of the judge, and its cost grows with the intervals.',
      'Processor time of the process, its garbage collection included: on a machine that others use too, wall time says more of them.',
    ],
  };
};

interface Times {
  median: number;
  p95: number;
  most: number;
}

function observeAll(config: JudgeConfigInput, lines: readonly Interval[]): Times {
  const judge = createJudge(config);
  const times = lines.map((line) => {
    const before = process.cpuUsage();
    judge.observe(line);
    return millis(before);
  });
  const sorted = times.slice(WARM).sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  return { median: at(0.5), p95: at(0.95), most: at(1) };
}

function millis(before: NodeJS.CpuUsage): number {
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1000;
}

/** Fail and pass evidence of every stream by the formula, interval by interval and bound by bound. */
function recompute(lines: readonly Interval[]): { ms: number; intervals: number } {
  const [d0, dP, phi] = [Math.log(1.25), Math.log(3), 3];
  const evidence = (of: readonly (readonly [number, number, number, number])[], edge: number, sign: 1 | -1): number =>
    logSumExp(
      GRID.map((g) => {
        let sum = 0;
        for (const [n0, n1, e0, e1] of of) {
          const rho = clampRho(n0, n1);
          const d = edge + sign * g;
          const terms = Math.log1p(rho * Math.expm1(d)) - Math.log1p(rho * Math.expm1(edge));
          sum += (e1 * (d - edge) - (e0 + e1) * terms) / phi;
        }
        return sum;
      }),
    ) - Math.log(GRID.length);
  const before = process.cpuUsage();
  const found: [number, number][] = [];
  for (let m = 0; m < METRICS; m += 1) {
    for (const bound of LE) {
      const counts = lines.map((line) => countsOf(line, m, bound));
      found.push([evidence(counts, d0, 1), evidence(counts, dP, -1)]);
    }
  }
  const ms = millis(before);
  for (const [i, [fail, pass]] of found.entries()) {
    const own = [failProcess(d0, phi, undefined, false), passProcess(dP, phi)] as const;
    for (const line of lines) {
      const [n0, n1, e0, e1] = countsOf(line, Math.floor(i / LE.length), LE[i % LE.length] ?? 0);
      for (const process of own) process.add(n0, n1, e0, e1);
    }
    const off = Math.max(Math.abs(own[0].logE() - fail), Math.abs(own[1].logE() - pass));
    if (!(off < 1e-9)) throw new Error(`stream ${i}: recomputed evidence differs by ${off}`);
  }
  return { ms, intervals: lines.length };
}

function countsOf(line: Interval, metric: number, bound: number): [number, number, number, number] {
  const arms = line.metrics?.[`latency-${metric}`];
  const read = (arm: 'stable' | 'canary'): [number, number] => {
    const one = arms?.[arm];
    if (!one || !('le' in one)) throw new Error('a line without latency');
    return [one.n, one.n - (one.le[bound] ?? 0)];
  };
  const [[n0, e0], [n1, e1]] = [read('stable'), read('canary')];
  return [n0, n1, e0, e1];
}

function makeLines(random: Random): Interval[] {
  const arm = (n: number) => {
    const le: Record<string, number> = {};
    let slower = n;
    // Two of five requests of each bucket and above it end there.
    for (const bound of LE) {
      slower -= binomial(random, slower, 0.4);
      le[bound] = n - slower;
    }
    return { n, le };
  };
  return Array.from({ length: INTERVALS }, (_, k) => ({
    v: 1,
    step: '5',
    weight: 5,
    start: 15 * k,
    end: 15 * (k + 1),
    metrics: Object.fromEntries(
      Array.from({ length: METRICS }, (_, i) => [
        `latency-${i}`,
        { stable: arm(binomial(random, 4000, 0.5)), canary: arm(binomial(random, 4000, 0.025)) },
      ]),
    ),
  }));
}
