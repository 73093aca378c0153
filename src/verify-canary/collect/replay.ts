/** The source `replay`: the lines of a recorded trace, without network and without waiting. */
import type { TraceLine } from '../core/index.ts';
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

/** Index after which no event follows: from there on a verdict is the last word. Intervals after it are not looked at. */
export function lastEvent(lines: readonly TraceLine[]): number {
  return lines.findLastIndex((line) => 'type' in line && line.type === 'event');
}

/** The step that a trace judges: the last one it names. */
export function lastStep(lines: readonly TraceLine[]): string | null {
  const line = lines.findLast((l) => !('type' in l) && l.step !== null);
  return line === undefined || 'type' in line ? null : line.step;
}
