/** The only home of the judge's defaults. */
import type { JudgeConfig, JudgeConfigInput, MetricConfig, MetricInput, StepConfig } from './types.ts';

const RATIO = { ratio: 1.25, cpu: 1.2 };
const FLOOR = { ratio: 0.001, latency: 0.005, cpu: 0 };
/** Events of latency come in bursts: a slow second makes many requests slow. */
const PHI = { ratio: 1, latency: 3, cpu: 1 };

/** May be applied to its own result, and to that in another mode. */
export function withDefaults(input: JudgeConfigInput): JudgeConfig {
  return {
    metrics: input.metrics.map(metric),
    alpha: input.alpha ?? 0.01,
    beta: input.beta ?? 0.05,
    warmup: input.warmup ?? 60,
    settle: input.settle ?? 120,
    blind: input.blind ?? 300,
    silent: input.silent ?? 120,
    onInconclusive: input.onInconclusive ?? 'hold',
    share: { mode: 'enforce', tolerance: 1.5, phi: 1, ...defined(input.share) },
    steps: (input.steps ?? []).map((s) => step(s.weight, s)),
    mode: input.mode ?? 'concurrent',
    baseline: input.baseline ?? 1800,
  };
}

function metric(m: MetricInput): MetricConfig {
  return {
    name: m.name,
    kind: m.kind,
    le: [...(m.le ?? [])].sort((a, b) => a - b),
    fail: {
      ratio: m.fail?.ratio ?? (m.kind === 'cpu' ? RATIO.cpu : RATIO.ratio),
      floor: m.fail?.floor ?? FLOOR[m.kind],
    },
    pass: m.pass ?? null,
    slo: m.slo ?? null,
    idle: m.idle ?? 0.02,
    block: m.block ?? 60,
    weight: m.weight ?? 1,
    mode: m.mode ?? 'enforce',
    phi: typeof m.phi === 'number' ? m.phi : PHI[m.kind],
    phiFrom: (m.phi === 'auto' || (m.phiFrom ?? 'config') !== 'config') && m.kind !== 'cpu' ? 'default' : 'config',
  };
}

function step(weight: number, s: { pass?: number | null; min?: number; max?: number }): StepConfig {
  return { weight, pass: s.pass ?? null, min: s.min ?? 120, max: s.max ?? 1200 };
}

/** Whether the source has to bring lines of the stable version from before the canary: step null, weight 0. */
export function needsBaseline(config: JudgeConfig): boolean {
  return config.mode !== 'concurrent' || config.metrics.some((m) => m.phiFrom !== 'config');
}

/**
 * The bound of a latency metric at which pods are counted: that of the objective, else the largest. null for a ratio
 * metric; undefined for CPU metrics, which are not counted by pod.
 */
export function podBound(m: MetricConfig): number | null | undefined {
  if (m.kind === 'cpu') return undefined;
  if (m.kind === 'ratio') return null;
  return m.slo !== null && typeof m.slo !== 'number' ? m.slo.le : m.le.at(-1);
}

/** The rules of a weight; one without an entry gets the defaults. */
export function stepFor(config: JudgeConfig, weight: number | null): StepConfig {
  return config.steps.find((s) => s.weight === weight) ?? step(weight ?? 0, {});
}

/** Compared with another time, less than this is no difference: rates drift, and the stable version is not there to tell. */
const WEAK_MARGIN = 1.5;

/** Times stable that the canary may be before it fails. */
export function failRatio(config: JudgeConfig, m: MetricConfig): number {
  return config.mode === 'concurrent' ? m.fail.ratio : Math.max(WEAK_MARGIN, m.fail.ratio);
}

/** Margin that a pass must exclude: the metric's own, the step's, else by weight (less traffic, wider margin). */
export function passMargin(config: JudgeConfig, m: MetricConfig, weight: number | null): number | 'none' {
  const margin = wantedMargin(config, m, weight);
  return margin === 'none' || config.mode === 'concurrent' ? margin : Math.max(WEAK_MARGIN, margin);
}

function wantedMargin(config: JudgeConfig, m: MetricConfig, weight: number | null): number | 'none' {
  if (m.pass !== null) return m.pass;
  const ofStep = stepFor(config, weight).pass;
  if (ofStep !== null) return ofStep;
  if (weight === null) return 1.5;
  if (weight <= 5) return 3;
  if (weight <= 25) return 2;
  return weight <= 50 ? 1.5 : 1.25;
}

function defined<T extends object>(value: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, v]) => v !== undefined)) as Partial<T>;
}
