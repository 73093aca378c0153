/** A cell of the score card: what happens, what is true of the canary, and what the judge promises there. */
import type { JudgeConfigInput, MetricInput } from '../../../src/verify-canary/core/index.ts';
import { BOUNDS, type Effect, NO_EFFECT, PLAIN, type Scenario } from '../scenario/scenario.ts';

/**
 * `healthy`: no worse than stable; a fail is a false rollback. `allowed`: as bad as `fail.ratio` still allows, the same.
 * `worse`: a fail is right, a promotion is a false pass. `margin`: at the margin of a pass, which must not be given.
 */
export type Truth = 'healthy' | 'allowed' | 'worse' | 'margin';

export interface Promise_ {
  what: 'false-rollback' | 'false-pass' | 'promoted' | 'power' | 'median-delay' | 'p95-delay' | 'held';
  /** A share, or seconds. */
  limit: number;
}

export interface Cell {
  name: string;
  about: string;
  truth: Truth;
  /** Which assumption of the judge does not hold here; null: all do. */
  broken: string | null;
  promises: readonly Promise_[];
  scenario: Scenario;
  config: JudgeConfigInput;
}

const ALPHA: Promise_ = { what: 'false-rollback', limit: 0.01 };
export const BETA: Promise_ = { what: 'false-pass', limit: 0.05 };
/** Of a worse canary a pass is only excluded where it is outside margin and objective: such cells say so themselves. */
const OWN: Record<Truth, readonly Promise_[]> = { healthy: [ALPHA], allowed: [ALPHA], margin: [BETA], worse: [] };
export const OUTSIDE = { promises: [BETA] };
export const effect = (some: Partial<Effect>): Effect => ({ ...NO_EFFECT, ...some });

interface Setup extends Partial<Scenario> {
  /** Of the rules: a metric by name, and what stands beside the metrics. */
  errors?: Partial<MetricInput>;
  latency?: Partial<MetricInput>;
  cpu?: Partial<MetricInput>;
  rules?: Partial<JudgeConfigInput>;
}

export function cell(
  name: string,
  about: string,
  truth: Truth,
  setup: Setup = {},
  more: { broken?: string; promises?: readonly Promise_[] } = {},
): Cell {
  const { errors, latency, cpu, rules, ...axes } = setup;
  const scenario = { ...PLAIN, ...axes };
  const broken = more.broken ?? null;
  const own: readonly Promise_[] = broken === null ? OWN[truth] : [];
  const config: JudgeConfigInput = {
    metrics: [
      { name: 'errors', kind: 'ratio', slo: 0.01, weight: 4, ...errors },
      { name: 'latency', kind: 'latency', le: [...BOUNDS], slo: { le: 0.5, max: 0.05 }, weight: 3, ...latency },
      { name: 'cpu', kind: 'cpu', ...cpu },
    ],
    steps: scenario.steps.map(({ weight, seconds }) => ({ weight, max: seconds })),
    ...rules,
  };
  return { name, about, truth, broken, promises: [...own, ...(more.promises ?? [])], scenario, config };
}
