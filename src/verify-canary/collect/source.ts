/** Where trace lines come from. A fault of the metrics side is a gap, never an exception. */
import type { TraceLine } from '../core/index.ts';

export interface MetricsSource {
  readonly kind: 'prometheus' | 'scrape' | 'replay';
  /** The next line, waiting for it where it is not there yet. null: a replay is at its end. Rejects when aborted. */
  next(signal: AbortSignal): Promise<TraceLine | null>;
  /** Names of metrics that exist, as far as known; for "did you mean". */
  names(signal: AbortSignal): Promise<readonly string[]>;
  /** Unix seconds by the clock of its lines, where that is not this machine's. */
  now?(): number;
}

/** What a source needs to know of the rollout. */
export interface SourceContext {
  step: string;
  /** Percent; null where the canary has no share of the traffic. */
  weight: number | null;
  /** Start of the first interval of the history, null without one. */
  t0: number | null;
  /** End of the last line of the history, null without one. */
  lastEnd: number | null;
  /** Tells of a fault, once per cause. */
  fault(cause: string): void;
}

/** Times in traces have three decimals. */
export const toMillis = (seconds: number): number => Math.round(seconds * 1000) / 1000;
