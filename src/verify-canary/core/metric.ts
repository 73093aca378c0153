/** One metric of the rollout; three kinds behind one interface. */
import { type CpuStream, createCpuStream } from './cpu.ts';
import { failRatio, passMargin } from './defaults.ts';
import { eta } from './eta.ts';
import { logSumExp } from './log.ts';
import { createTerms } from './ratio.ts';
import { createStream, type Stream } from './stream.ts';
import type { Arm, CpuArm, JudgeConfig, LatencyArm, MetricConfig, MetricReport, Pair, RatioArm } from './types.ts';

/** Where an interval stands in the rollout. */
export interface Context {
  start: number;
  end: number;
  /** Minute since the start of the trace. */
  slot: number;
  /** False between two runs: such time feeds fail evidence only. */
  inStep: boolean;
}

export interface MetricState {
  readonly config: MetricConfig;
  /** Ever seen with both arms. */
  readonly seen: boolean;
  add(arms: Pair<Arm | null>, context: Context): void;
  /** The stretch of data ends here: a gap, a hole, warm-up. */
  cut(): void;
  /** Forgets what counts for the step only. @param weight null: unknown @param again the same step, from a later clock */
  startStep(weight: number | null, again?: boolean): void;
  /** ln evidence that the canary is worse. */
  logFail(): number;
  /** ln evidence for a pass; of several bounds the least. null: none is asked. */
  logPass(): number | null;
  /** Whether the pass evidence is there now. */
  passes(beta: number): boolean;
  violated(now: number, beta: number): boolean;
  /** Seconds of the step in which both arms had values. */
  covered(): number;
  /** Seconds until this metric passes; null: unknown. */
  eta(beta: number, elapsed: number): number | null;
  report(now: number, beta: number, elapsed: number, required: boolean): MetricReport;
}

export function createMetric(judge: JudgeConfig, rules: MetricConfig): MetricState {
  const config = { ...rules, fail: { ...rules.fail, ratio: failRatio(judge, rules) } };
  return config.kind === 'cpu' ? cpuMetric(judge, config) : countMetric(judge, config);
}

/** Everything that the kinds have in common. */
function common(config: MetricConfig) {
  return {
    covered: 0,
    seen: false,
    worst: 0,
    note(context: Context): void {
      this.seen = true;
      if (context.inStep) this.covered += context.end - context.start;
    },
    head: (elapsed: number, covered: number) => ({
      name: config.name,
      kind: config.kind,
      mode: config.mode,
      weight: config.weight,
      phi: config.phi,
      phiFrom: config.phiFrom,
      floor: config.fail.floor,
      slo: config.slo,
      coverage: elapsed > 0 ? Math.min(1, covered / elapsed) : 0,
    }),
  };
}

function countMetric(judge: JudgeConfig, config: MetricConfig): MetricState {
  const bounds = config.kind === 'latency' ? config.le : [null];
  const objective = typeof config.slo === 'number' ? { le: null, max: config.slo } : config.slo;
  const failTerms = createTerms(Math.log(config.fail.ratio), 1);
  const streams = bounds.map((le) =>
    createStream(
      {
        le,
        ratio: config.fail.ratio,
        floor: config.fail.floor,
        phi: config.phi,
        slo: objective?.max ?? null,
        guards: objective !== null && objective.le === le,
      },
      failTerms,
    ),
  );
  const state = common(config);
  let margin: number | null = null;
  // The mean of the bounds' evidence is evidence again; their maximum is not.
  const logFail = (): number => logSumExp(streams.map((s) => s.logFail())) - Math.log(streams.length);
  const logPass = (): number | null => {
    const logs = streams.map((s) => s.logPass());
    return logs.some((l) => l === null) ? null : Math.min(...logs.map((l) => l ?? 0));
  };
  return {
    config,
    get seen() {
      return state.seen;
    },
    add(arms, context) {
      const stable = arms.stable as RatioArm | LatencyArm | null;
      const canary = arms.canary as RatioArm | LatencyArm | null;
      if (stable !== null && canary !== null) state.note(context);
      for (const stream of streams) {
        const counts = {
          ...(stable === null ? {} : { n0: stable.n, e0: events(stable, stream.rules.le) }),
          ...(canary === null ? {} : { n1: canary.n, e1: events(canary, stream.rules.le) }),
        };
        stream.add(counts, context.slot, context.start, context.inStep);
      }
      state.worst = Math.max(state.worst, logFail());
    },
    cut() {},
    startStep(weight) {
      const wanted = passMargin(judge, config, weight);
      margin = wanted === 'none' ? null : wanted;
      state.covered = 0;
      const passTerms = createTerms(Math.log(margin ?? 1), -1);
      for (const stream of streams) {
        stream.usePassTerms(passTerms);
        stream.startStep(margin);
      }
    },
    logFail,
    logPass,
    passes: (beta) => (logPass() ?? Number.NEGATIVE_INFINITY) >= Math.log(1 / beta),
    violated: (now, beta) => streams.some((s) => s.violated(now, beta)),
    covered: () => state.covered,
    eta(beta, elapsed) {
      const pending = streams.map((s) => s.pending());
      return pending.some((p) => p === null)
        ? null
        : eta(
            pending.filter((p) => p !== null),
            beta,
            elapsed,
          );
    },
    report(now, beta, elapsed, required) {
      const reports = streams.map((s) => s.report());
      const shown = worstOf(reports);
      const violated = streams.some((s) => s.violated(now, beta));
      const log = logPass();
      return {
        ...state.head(elapsed, state.covered),
        stable: shown.stable,
        canary: shown.canary,
        ratio: shown.ratio,
        ci: shown.ci,
        excess: shown.excess,
        logE: logFail(),
        p: Math.min(1, Math.exp(-state.worst)),
        pass: {
          state: violated ? 'slo' : !required ? 'none' : (log ?? -1) >= Math.log(1 / beta) ? 'yes' : 'no',
          margin,
          logP: log,
        },
        streams: reports,
      };
    },
  };
}

function worstOf(reports: readonly ReturnType<Stream['report']>[]): ReturnType<Stream['report']> {
  return reports.reduce((worst, r) => (r.logE > worst.logE ? r : worst));
}

/** Events of an arm: the requests slower than the bound, of a latency metric. */
export function events(arm: RatioArm | LatencyArm, le: number | null): number {
  if ('e' in arm) return arm.e;
  // As a line is read, and written; whoever makes lines otherwise may spell a bound in another way.
  const count = arm.le[String(le)] ?? Object.entries(arm.le).find(([key]) => Number(key) === le)?.[1];
  return count === undefined ? 0 : Math.max(0, arm.n - count);
}

function cpuMetric(judge: JudgeConfig, config: MetricConfig): MetricState {
  const stream: CpuStream = createCpuStream(config);
  const state = common(config);
  let margin: number | null = null;
  const passes = (beta: number): boolean => (stream.logPass() ?? Number.NEGATIVE_INFINITY) >= Math.log(1 / beta);
  return {
    config,
    get seen() {
      return state.seen;
    },
    add(arms, context) {
      if (arms.stable === null || arms.canary === null) {
        stream.cut();
        return;
      }
      state.note(context);
      stream.add(arms as Pair<CpuArm>, context.end - context.start, context.inStep);
      state.worst = Math.max(state.worst, stream.logFail());
    },
    cut: () => stream.cut(),
    startStep(weight, again = false) {
      const wanted = passMargin(judge, config, weight);
      margin = wanted === 'none' ? null : Math.max(1.5, wanted);
      state.covered = 0;
      stream.startStep(margin, again);
    },
    logFail: () => stream.logFail(),
    logPass: () => stream.logPass(),
    passes,
    violated: () => false,
    covered: () => state.covered,
    eta: (beta) => stream.missing(beta),
    report(_now, beta, elapsed, required) {
      const { n0, n1, x0, x1 } = stream.totals();
      const stable = { n: n0, e: x0, rate: n0 > 0 ? x0 / n0 : null };
      const canary = { n: n1, e: x1, rate: n1 > 0 ? x1 / n1 : null };
      const ratio = stable.rate !== null && stable.rate > 0 && canary.rate !== null ? canary.rate / stable.rate : null;
      const logP = stream.logPass();
      const shared = { stable, canary, ratio, ci: [null, null] as [null, null], excess: null, logE: stream.logFail() };
      return {
        ...state.head(elapsed, state.covered),
        ...shared,
        p: Math.min(1, Math.exp(-state.worst)),
        pass: { state: !required ? 'none' : passes(beta) ? 'yes' : 'no', margin, logP },
        streams: [{ le: null, ...shared, logP }],
      };
    },
  };
}
