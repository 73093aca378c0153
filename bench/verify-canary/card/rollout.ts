/** One made rollout before one judge. */
import type { TraceLine } from '../../../src/verify-canary/core/index.ts';
import type { Model } from '../zoo/model.ts';

export interface Outcome {
  end: 'failed' | 'held' | 'promoted';
  /** Seconds from the start of the rollout to its end. */
  at: number;
  /** Requests of the canary that failed or took over half a second, until then. */
  harmed: number;
}

/**
 * A step without a pass is where the rollout stays: a person is asked. Weights follow the schedule of the trace, the same
 * for all judges; a faster pass gains nothing here.
 * @param from harm counts from here on
 */
export function judgeRollout(lines: readonly TraceLine[], model: Model, from: number): Outcome {
  let harmed = 0;
  let at = 0;
  for (const [i, line] of lines.entries()) {
    if ('type' in line) {
      if (i > 0 && model.verdict() !== 'pass') return { end: 'held', at, harmed };
      model.observe(line);
      continue;
    }
    model.observe(line);
    at = line.end;
    if (line.start >= from) harmed += harmOf(line);
    const word = model.verdict();
    if (word === 'fail') return { end: 'failed', at, harmed };
    if (word === 'hold') return { end: 'held', at, harmed };
  }
  return { end: model.verdict() === 'pass' ? 'promoted' : 'held', at, harmed };
}

function harmOf(line: TraceLine): number {
  if ('type' in line) return 0;
  const errors = line.metrics?.errors?.canary;
  const latency = line.metrics?.latency?.canary;
  const failed = errors && 'e' in errors ? errors.e : 0;
  const slow = latency && 'le' in latency ? latency.n - (latency.le['0.5'] ?? latency.n) : 0;
  return failed + slow;
}
