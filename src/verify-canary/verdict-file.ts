/** verdict.json: fixed keys in a fixed order, six digits, no time of writing. Live and replay write the same bytes. */
import type { MetricExplanation } from './collect/explain.ts';
import type { MetricReport, StreamReport, Verdict } from './core/index.ts';

export interface Digests {
  config: string;
  trace: string;
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export function verdictObject(
  v: Verdict,
  message: string,
  digests: Digests,
  explained: readonly MetricExplanation[] = [],
): { readonly [key: string]: Json } {
  return {
    schema: 1,
    tool: 'verify-canary',
    verdict: v.verdict,
    reason: v.reason,
    message,
    app: v.app,
    revision: v.revision,
    image: v.image,
    step: v.step,
    weight: v.weight,
    from: v.from,
    to: v.to,
    intervals: v.intervals,
    alpha: v.alpha,
    beta: v.beta,
    'config-digest': digests.config,
    'trace-digest': digests.trace,
    'log-e': six(v.logE),
    p: six(v.p),
    coverage: six(v.coverage),
    'eta-seconds': six(v.etaSeconds),
    share: {
      expected: six(v.share.expected),
      observed: six(v.share.observed),
      'log-e': six(v.share.logE),
      state: v.share.state,
    },
    metrics: v.metrics.map(metricObject),
    steps: v.steps.map(({ step, weight, verdict, reason, start, end }) => ({
      step,
      weight,
      verdict,
      reason,
      start,
      end,
    })),
    culprits: v.culprits,
    'canary-events': six(v.canaryEvents),
    mode: v.mode,
    weaker: v.weaker,
    baseline: { lines: v.baseline.lines, from: v.baseline.from, to: v.baseline.to, used: v.baseline.used },
    noise: six(v.noise),
    pod: v.pod === null ? null : { pod: v.pod.pod, node: v.pod.node },
    explained: explained.map(({ name, series, pods, bound, lines }) => ({
      name,
      series,
      pods: { stable: pods.stable, canary: pods.canary },
      bound,
      lines: { used: lines.used, without: lines.without },
    })),
  };
}

export function formatVerdict(object: { readonly [key: string]: Json }): string {
  return `${JSON.stringify(object, null, 2)}\n`;
}

function metricObject(m: MetricReport): Json {
  return {
    name: m.name,
    kind: m.kind,
    mode: m.mode,
    weight: m.weight,
    phi: six(m.phi),
    'phi-from': m.phiFrom,
    ...common(m),
    floor: six(m.floor),
    'log-e': six(m.logE),
    p: six(m.p),
    pass: { state: m.pass.state, margin: six(m.pass.margin), 'log-p': six(m.pass.logP) },
    slo: m.slo === null || typeof m.slo === 'number' ? m.slo : { le: m.slo.le, max: m.slo.max },
    coverage: six(m.coverage),
    streams: m.streams.map((s) => ({ le: s.le, ...common(s), 'log-e': six(s.logE), 'log-p': six(s.logP) })),
  };
}

function common(m: Pick<StreamReport, 'stable' | 'canary' | 'ratio' | 'ci' | 'excess'>) {
  const arm = (a: StreamReport['stable']): Json => ({ n: a.n, e: six(a.e), rate: six(a.rate) });
  return {
    stable: arm(m.stable),
    canary: arm(m.canary),
    ratio: six(m.ratio),
    ci: [six(m.ci[0]), six(m.ci[1])],
    excess: six(m.excess),
  };
}

/** Six significant digits; -0 is 0, what is not finite is null. */
function six(value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return Number.isSafeInteger(value) ? value + 0 : Number(value.toPrecision(6)) + 0;
}
