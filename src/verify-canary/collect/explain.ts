/**
 * What a verdict was made of, by metric: which series were asked for, which pods counted, and which bound decided. From
 * the rules and the lines alone, so that a replay explains what the live run explained.
 */
import { type CanaryConfig, selectorText } from '../config.ts';
import type { Arm, Interval, Pair, TraceLine, Verdict } from '../core/index.ts';

export interface MetricExplanation {
  name: string;
  /** Selectors, without the matchers of the versions. */
  series: string[];
  /** Pods of each version that counted, where the trace tells them; else how many there were, or null. */
  pods: Pair<readonly string[] | number | null>;
  /** Of a latency metric the bound with the most evidence against the canary. */
  bound: number | null;
  /** Lines in which both versions have values, and in which one of both has none. */
  lines: { used: number; without: number };
}

export function explain(config: CanaryConfig, lines: readonly TraceLine[], verdict: Verdict): MetricExplanation[] {
  const intervals = lines.filter((line): line is Interval => !('type' in line) && line.gap === undefined);
  return config.sources.map((source) => {
    const { name } = source;
    const arms = intervals.map((line) =>
      line.metrics !== undefined && Object.hasOwn(line.metrics, name) ? line.metrics[name] : undefined,
    );
    const used = arms.filter((pair) => pair?.stable && pair.canary).length;
    const streams = verdict.metrics.find((m) => m.name === name)?.streams ?? [];
    const strongest = streams.reduce<(typeof streams)[number] | null>(
      (best, stream) => (best === null || stream.logE > best.logE ? stream : best),
      null,
    );
    return {
      name,
      series:
        source.kind === 'ratio'
          ? [selectorText(source.events), selectorText(source.total)]
          : source.kind === 'latency'
            ? [selectorText(source.buckets)]
            : [selectorText(source.cpu), selectorText(source.total)],
      pods: {
        stable: podsOf(intervals, name, 'stable', arms),
        canary: podsOf(intervals, name, 'canary', arms),
      },
      bound: source.kind === 'latency' ? (strongest?.le ?? null) : null,
      lines: { used, without: intervals.length - used },
    };
  });
}

function podsOf(
  intervals: readonly Interval[],
  name: string,
  arm: 'stable' | 'canary',
  arms: readonly (Pair<Arm | null> | undefined)[],
): readonly string[] | number | null {
  const found = new Set<string>();
  for (const { pods } of intervals) {
    for (const [pod, counts] of Object.entries(pods?.[arm] ?? {})) if (Object.hasOwn(counts, name)) found.add(pod);
  }
  if (found.size > 0) return [...found].sort();
  const last = arms.findLast((pair) => pair?.[arm])?.[arm];
  return last && 'pods' in last ? last.pods : null;
}
