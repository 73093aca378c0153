/** The source `replay`: the lines of a recorded trace, without network and without waiting. */
import type { Interval, Status, TraceLine } from '../core/index.ts';
import type { MetricsSource } from './source.ts';

export function replaySource(lines: readonly TraceLine[]): MetricsSource {
  let next = 0;
  return {
    kind: 'replay',
    names: async () => [],
    async next(signal) {
      if (signal.aborted) throw signal.reason;
      const line = lines[next] ?? null;
      next += 1;
      return line;
    },
  };
}

/**
 * Where a live run would have ended. Until the last event a verdict may be of a run before; and that a run begins is no
 * end, as it must read something of its own step: the last one that the trace names.
 */
export function endOf(lines: readonly TraceLine[]): (status: Status, line: TraceLine, index: number) => boolean {
  const decided = lines.findLastIndex((line) => 'type' in line && line.type === 'event');
  const own = lines.findLast((line): line is Interval => !('type' in line) && line.step !== null);
  return (status, line, index) => {
    if (!status.done || index < decided || status.step !== (own?.step ?? null)) return false;
    if ('type' in line) return line.type === 'event' && line.event !== 'run';
    return line.step === own?.step && line.weight === own?.weight;
  };
}
