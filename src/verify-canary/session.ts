/** One run of the judge over a growing trace: every line is written, digested, judged, and kept for the reports. */
import type { CanaryConfig } from './config.ts';
import {
  createJudge,
  type Interval,
  type Status,
  type TraceEvent,
  type TraceLine,
  type Verdict,
} from './core/index.ts';
import { openTraceWriter } from './trace-file.ts';

/** What the charts need of one interval. */
export interface Moment {
  line: Interval;
  /** ln evidence against the canary, overall. */
  logE: number;
  /** ln evidence against the canary, by metric. */
  metrics: readonly number[];
  /** ln evidence for a pass, by metric. */
  passes: readonly (number | null)[];
}

export interface Session {
  feed(line: TraceLine): Status;
  status(): Status | null;
  verdict(): Verdict;
  digest(): string;
  moments(): readonly Moment[];
  /** What happened beside the intervals, oldest first. */
  events(): readonly TraceEvent[];
  close(): void;
}

/** @param path of the trace to write; null: none @throws when it cannot be written */
export function openSession(config: CanaryConfig, path: string | null): Session {
  const judge = createJudge(config.judge);
  const writer = openTraceWriter(
    path,
    config.judge.metrics.map((m) => m.name),
  );
  const moments: Moment[] = [];
  const events: TraceEvent[] = [];
  let last: Status | null = null;
  return {
    feed(line) {
      writer.add(line);
      last = judge.observe(line);
      if (!('type' in line)) {
        const { fail, pass } = judge.evidence();
        moments.push({ line, logE: last.logE, metrics: fail, passes: pass });
      } else if (line.type === 'event') events.push(line);
      return last;
    },
    status: () => last,
    verdict: () => judge.verdict(),
    digest: () => writer.digest(),
    moments: () => moments,
    events: () => events,
    close: () => writer.close(),
  };
}
