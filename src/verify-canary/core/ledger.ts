/** The evidence of a rollout, metric by metric: what the lines say, without any decision. */
import { logSumExp } from './log.ts';
import { createMetric, type MetricState } from './metric.ts';
import { armsIn } from './step.ts';
import type { Interval, JudgeConfig } from './types.ts';

export interface Term {
  name: string;
  /** ln of the metric's evidence times its share of alpha. */
  log: number;
}

export interface Ledger {
  readonly metrics: readonly MetricState[];
  readonly enforced: readonly MetricState[];
  observe(line: Interval): void;
  /** Forgets what counts for the step only: its weight became real later. */
  restart(weight: number | null): void;
  terms(): Term[];
  /** ln evidence that the canary is worse, over all enforced metrics. */
  logE(): number;
}

const NOTHING = { stable: null, canary: null };

export function createLedger(config: JudgeConfig): Ledger {
  const metrics = config.metrics.map((m) => createMetric(config, m));
  const enforced = metrics.filter((m) => m.config.mode === 'enforce');
  const weights = enforced.reduce((sum, m) => sum + m.config.weight, 0);
  let first: number | null = null;
  let before: Interval | null = null;
  let step: Pick<Interval, 'step' | 'weight'> | null = null;

  const terms = (): Term[] =>
    enforced.map((m) => ({ name: m.config.name, log: Math.log(m.config.weight / weights) + m.logFail() }));
  return {
    metrics,
    enforced,
    observe(line) {
      // Beside the interval before: an event inside a hole does not close it.
      const next = line.step !== null && (line.step !== step?.step || line.weight !== step.weight);
      const apart = before !== null && (line.start > before.end || line.step !== before.step || next);
      before = line;
      first ??= line.start;
      if (next) {
        step = line;
        for (const metric of metrics) metric.startStep(line.weight);
      }
      const warm = line.start < first + config.warmup;
      if (apart || line.gap !== undefined || warm) for (const metric of metrics) metric.cut();
      if (line.gap !== undefined || warm) return;
      const slot = Math.floor((line.start - first) / 60);
      const context = { start: line.start, end: line.end, slot, inStep: line.step !== null };
      for (const metric of metrics) metric.add(armsIn(line, metric.config.name) ?? NOTHING, context);
    },
    restart(weight) {
      for (const metric of metrics) metric.startStep(weight, true);
    },
    terms,
    logE: () => (enforced.length === 0 ? 0 : logSumExp(terms().map((t) => t.log))),
  };
}
