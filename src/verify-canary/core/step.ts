/** What counts for the current step only. */

import { stepFor } from './defaults.ts';
import { logShare, SHARE_LIMIT, withinTolerance } from './share.ts';
import type { Arm, Interval, JudgeConfig, Pair, ShareState, StepConfig, StepReport } from './types.ts';

export interface StepState {
  readonly report: StepReport;
  readonly rules: StepConfig;
  readonly start: number;
  readonly weight: number | null;
  /** Weight of the step before, null without one. */
  readonly before: number | null;
  /** From here the step's time counts. */
  clock: number;
  leftWarmup: boolean;
  usableSeconds: number;
  usableLines: number;
  stableSeen: boolean;
  canarySeen: boolean;
  /** A reading failed: what the arms did then is unknown, which is not absence. */
  unread: boolean;
  requests: number;
  /** Requests of stable and canary for the traffic share. */
  n0: number;
  n1: number;
  shareRejected: boolean;
}

export function beginStep(config: JudgeConfig, line: Interval & { step: string }, before: number | null): StepState {
  return {
    report: { step: line.step, weight: line.weight, verdict: null, reason: null, start: line.start, end: line.end },
    rules: stepFor(config, line.weight),
    start: line.start,
    weight: line.weight,
    before,
    clock: line.start,
    leftWarmup: false,
    usableSeconds: 0,
    usableLines: 0,
    stableSeen: false,
    canarySeen: false,
    unread: false,
    requests: 0,
    n0: 0,
    n1: 0,
    shareRejected: false,
  };
}

/** Forgets evidence for a pass, coverage and share: the weight became real only at `at`. */
export function restartStep(step: StepState, at: number): void {
  step.clock = at;
  step.usableSeconds = 0;
  step.usableLines = 0;
  step.stableSeen = false;
  step.canarySeen = false;
  step.unread = false;
  step.requests = 0;
  step.n0 = 0;
  step.n1 = 0;
  step.shareRejected = false;
}

export function coverageOf(step: StepState | null, now: number): number {
  const elapsed = step === null ? 0 : now - step.clock;
  return step === null || elapsed <= 0 ? 0 : Math.min(1, step.usableSeconds / elapsed);
}

/** Requests of both arms: the line's own, else those of the first ratio, else of the first latency metric. */
export function trafficOf(line: Interval, config: JudgeConfig): { stable: number; canary: number } | null {
  if (line.traffic !== undefined) return line.traffic;
  const metric = config.metrics.find((m) => m.kind === 'ratio') ?? config.metrics.find((m) => m.kind === 'latency');
  const arms = metric === undefined ? undefined : armsIn(line, metric.name);
  if (arms === undefined || arms.stable === null || arms.canary === null) return null;
  return { stable: arms.stable.n, canary: arms.canary.n };
}

/** Both arms of a metric; a metric may be called `constructor`. */
export function armsIn(line: Interval, name: string): Pair<Arm | null> | undefined {
  return line.metrics !== undefined && Object.hasOwn(line.metrics, name) ? line.metrics[name] : undefined;
}

export function armsOf(line: Interval): { stable: boolean; canary: boolean } {
  if (line.gap !== undefined) {
    return {
      stable: line.gap === 'canary-absent',
      canary: line.gap === 'stable-absent',
    };
  }
  const arms = Object.values(line.metrics ?? {});
  const has = (arm: 'stable' | 'canary'): boolean => line.traffic !== undefined || arms.some((a) => a[arm] !== null);
  return { stable: has('stable'), canary: has('canary') };
}

export interface Share {
  expected: number | null;
  observed: number | null;
  logE: number;
  state: ShareState;
  rejects: boolean;
  cause: 'routing-not-applied' | 'routing-wrong-share';
}

/** Both arms must expect this many requests before a share is called right. */
const ENOUGH = 20;

export function shareOf(step: StepState | null, config: JudgeConfig): Share {
  const observed = step !== null && step.n0 + step.n1 > 0 ? step.n1 / (step.n0 + step.n1) : null;
  if (step === null || step.weight === null || config.mode !== 'concurrent') {
    return { expected: null, observed, logE: 0, state: 'off', rejects: false, cause: 'routing-wrong-share' };
  }
  const { n0, n1, weight, before } = step;
  const { tolerance, phi, mode } = config.share;
  const logE = logShare(n0, n1, weight, tolerance, phi);
  const wrong = logE >= SHARE_LIMIT;
  const expected = weight / 100;
  const enough = (n0 + n1) * Math.min(expected, 1 - expected) >= ENOUGH;
  const right = enough && withinTolerance(n0, n1, weight, tolerance);
  const old = n1 === 0 || (before !== null && withinTolerance(n0, n1, before, tolerance));
  return {
    expected,
    observed,
    logE,
    state: wrong || step.shareRejected ? 'wrong' : right ? 'ok' : 'unconfirmed',
    rejects: wrong && mode === 'enforce',
    cause: old ? 'routing-not-applied' : 'routing-wrong-share',
  };
}
