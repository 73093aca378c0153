/** Tells once about a selector that never matches, with the names that exist. */
import type { Log } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { type CanaryConfig, type MetricSource, selectorText } from './config.ts';
import type { Interval } from './core/index.ts';

/** So many intervals without a series, and somebody should look. */
const PATIENCE = 5;

export interface EmptySelectors {
  note(
    line: Interval,
    names: (signal: AbortSignal) => Promise<readonly string[]>,
    ports: { log: Log; signal: AbortSignal },
  ): Promise<void>;
}

export function emptySelectors(config: CanaryConfig): EmptySelectors {
  const missing = new Map(config.sources.map((s) => [s.name, { source: s, count: 0 }]));
  let told = false;
  return {
    async note(line, names, { log, signal }) {
      if (told || (line.gap !== undefined && line.gap !== 'both-absent' && line.gap !== 'canary-absent')) return;
      for (const [name, state] of missing) {
        const arms = line.metrics?.[name];
        // Without a share of the traffic there is no stable version beside it.
        if ((arms?.stable || config.judge.mode !== 'concurrent') && arms?.canary) missing.delete(name);
        else state.count += 1;
      }
      const empty = [...missing.values()].find((state) => state.count >= PATIENCE);
      if (empty === undefined) return;
      told = true;
      const selector = selectorOf(empty.source);
      const near = nearestNames(selector.name, await names(signal));
      const hint =
        near.length === 0 ? '' : ` Names that exist and are near: ${near.map((n) => oneLine(n, 100)).join(', ')}`;
      log.warning(
        'W_SELECTOR_EMPTY',
        `metric ${empty.source.name}: nothing matches ${selectorText(selector)} on both versions for ${PATIENCE} intervals.${hint}`,
      );
    },
  };
}

function selectorOf(source: MetricSource) {
  return source.kind === 'ratio' ? source.total : source.kind === 'latency' ? source.buckets : source.cpu;
}

/** The three names with most three-letter pieces in common. */
function nearestNames(wanted: string, names: readonly string[]): string[] {
  const pieces = (name: string): Set<string> =>
    new Set(Array.from({ length: Math.max(1, name.length - 2) }, (_, i) => name.slice(i, i + 3)));
  const own = pieces(wanted);
  const score = (name: string): number => {
    const other = pieces(name);
    const common = [...other].filter((piece) => own.has(piece)).length;
    return common / (own.size + other.size - common);
  };
  return [...names]
    .map((name) => ({ name, score: score(name) }))
    .filter((n) => n.score > 0 && n.name !== wanted)
    .sort((a, b) => b.score - a.score)
    .slice(0, 3)
    .map((n) => n.name);
}
