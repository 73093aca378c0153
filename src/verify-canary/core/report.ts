/** The verdict object, from the judge's state. */
import type { MetricState } from './metric.ts';
import type { LonePod } from './pods.ts';
import { coverageOf, type StepState, shareOf } from './step.ts';
import type { JudgeConfig, Reason, StepReport, Verdict, VerdictWord } from './types.ts';

export interface Ended {
  verdict: VerdictWord;
  reason: Reason;
}

export interface JudgeState {
  config: JudgeConfig;
  baseline: Verdict['baseline'];
  noise: number | null;
  pod: LonePod | null;
  header: { app: string; revision: string; image: string };
  metrics: readonly MetricState[];
  steps: readonly StepReport[];
  step: StepState | null;
  ended: Ended | null;
  first: number | null;
  last: number | null;
  intervals: number;
  logE: number;
  /** Largest logE so far, at least 0. */
  worst: number;
  terms: readonly { name: string; log: number }[];
}

/** Below this weight the idle cost of a canary is most of its CPU: no pass is asked of CPU metrics there. */
const CPU_WEIGHT = 25;

/**
 * The metrics whose evidence a pass needs. When only CPU metrics could be asked, they are, at every weight: a pass must
 * never come from nothing.
 */
export function requiredMetrics(enforced: readonly MetricState[], weight: number | null): MetricState[] {
  const asked = enforced.filter((m) => m.config.pass !== 'none');
  const here = asked.filter((m) => m.config.kind !== 'cpu' || (weight !== null && weight >= CPU_WEIGHT));
  return here.length > 0 ? here : asked;
}

export function buildVerdict(s: JudgeState): Verdict {
  const { config, step, baseline } = s;
  const now = s.last ?? 0;
  const elapsed = step === null ? 0 : Math.max(0, now - step.clock);
  const { verdict, reason } = s.ended ?? unfinished(s);
  const enforced = s.metrics.filter((m) => m.config.mode === 'enforce');
  const required = requiredMetrics(enforced, step?.weight ?? null);
  const share = shareOf(step, config);
  const reports = s.metrics.map((m) => m.report(now, config.beta, elapsed, required.includes(m)));
  const waiting = required.filter((m) => !m.passes(config.beta)).map((m) => m.config.name);
  const counted = reports.find((m) => m.kind === 'ratio') ?? reports.find((m) => m.kind === 'latency');
  return {
    verdict,
    reason,
    ...s.header,
    step: step?.report.step ?? null,
    weight: step?.weight ?? null,
    from: s.first,
    to: s.last,
    intervals: s.intervals,
    alpha: config.alpha,
    beta: config.beta,
    logE: s.logE,
    p: Math.min(1, Math.exp(-s.worst)),
    coverage: coverageOf(step, now),
    etaSeconds: etaOf(s, required, elapsed),
    elapsed,
    share: { expected: share.expected, observed: share.observed, logE: share.logE, state: share.state },
    metrics: reports,
    steps: s.steps.map((one) => ({ ...one })),
    culprits: reason.startsWith('worse:') ? culprits(s) : [],
    waiting,
    canaryEvents: counted?.canary.e ?? null,
    mode: config.mode,
    weaker: config.mode !== 'concurrent',
    baseline: { lines: baseline.lines, from: baseline.from, to: baseline.to, used: baseline.used },
    noise: s.noise,
    pod: reason === 'single-pod' ? s.pod : null,
  };
}

/** A trace that ends without a verdict is never a pass. */
function unfinished(s: JudgeState): Ended {
  const nothing = s.step === null || (s.step.usableLines === 0 && s.steps.length === 1);
  return nothing ? { verdict: 'no-data', reason: 'absent' } : { verdict: 'hold', reason: 'trace-ended' };
}

/** All metrics that would fail alone, else the largest one. */
function culprits(s: JudgeState): string[] {
  const sorted = [...s.terms].sort((a, b) => b.log - a.log);
  const alone = sorted.filter((t) => t.log >= Math.log(1 / s.config.alpha));
  return (alone.length > 0 ? alone : sorted.slice(0, 1)).map((t) => t.name);
}

function etaOf(s: JudgeState, required: readonly MetricState[], elapsed: number): number | null {
  if (s.step === null || s.ended?.verdict === 'pass' || s.ended?.verdict === 'fail') return null;
  if (s.logE >= Math.log(10) || elapsed <= 0) return null;
  let eta = Math.max(0, s.step.rules.min - elapsed);
  for (const metric of required) {
    const one = metric.passes(s.config.beta) ? 0 : metric.eta(s.config.beta, elapsed);
    if (one === null) return null;
    eta = Math.max(eta, one);
  }
  return eta;
}
