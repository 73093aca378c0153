/** The counts of an interval by pod: what tells one bad pod from a bad version, and how far stable pods differ. */

import type { CanaryConfig, MetricSource } from '../config.ts';
import { selectorText } from '../config.ts';
import { fitLine, type Interval, MAX_PODS, type Pair, type PodCounts, podBound } from '../core/index.ts';
import type { ArmCounts, ArmName, Counts } from './plan.ts';

/** Asked for only where somebody looks at pods: then a trace line has `pods`, and `nodes` where they are known. */
export interface PodOptions {
  /** Label that names the pod. Default: `pod`, else `instance`. */
  label?: string;
  /** Ask which node a pod runs on, where its series do not say: one query for pods not seen before. */
  nodes?: boolean;
  /** Told once about what is left out. */
  note(line: string): void;
}

/** What a trace takes as the name of a pod or a node. */
const NAME = /^[A-Za-z0-9[][!-~]{0,252}$/;

export interface PodReader {
  /** @param nodes of the pods that are known */
  of(arms: Pair<ArmCounts>, nodes: ReadonlyMap<string, string>): Pick<Interval, 'pods' | 'nodes'>;
  /** The line as a trace can hold it: without its pods where it would be too long. */
  fit(line: Interval): Interval;
}

export function podReader(config: CanaryConfig, options: PodOptions): PodReader {
  const told = new Set<string>();
  const note = (line: string): void => {
    if (told.has(line)) return;
    told.add(line);
    options.note(line);
  };

  function armOf(counts: Counts, arm: ArmName): Record<string, PodCounts> {
    const byPod = new Map<string, PodCounts>();
    for (const source of config.sources) {
      for (const [pod, { n, e }] of countsOf(source, counts, config)) {
        const own = byPod.get(pod) ?? {};
        own[source.name] = { n, e };
        byPod.set(pod, own);
      }
    }
    if ([...byPod.keys()].some((pod) => !NAME.test(pod))) {
      note(`Counts by pod: some series of ${arm} do not name their pod (label pod, else instance); they are left out.`);
    }
    const names = [...byPod.keys()].filter((pod) => NAME.test(pod)).sort();
    if (names.length > MAX_PODS) {
      note(`Counts by pod: ${arm} has more than ${MAX_PODS} pods; those after the ${MAX_PODS}th by name are left out.`);
    }
    return Object.fromEntries(names.slice(0, MAX_PODS).map((pod) => [pod, byPod.get(pod) ?? {}]));
  }

  const order = config.sources.map((source) => source.name);
  return {
    fit(line) {
      const fitting = fitLine(line, order);
      if (fitting !== line)
        note('Counts by pod: with so many metrics and pods a line of the trace would be too long; they are left out.');
      return fitting;
    },
    of(arms, nodes) {
      const pods = { stable: armOf(arms.stable.metrics, 'stable'), canary: armOf(arms.canary.metrics, 'canary') };
      const both = Object.keys(pods.stable).find((pod) => Object.hasOwn(pods.canary, pod));
      if (both !== undefined) {
        note(
          'Counts by pod: both versions are counted by the same pods (a proxy of both), which says nothing of theirs.',
        );
        return {};
      }
      const names = [...Object.keys(pods.stable), ...Object.keys(pods.canary)];
      if (names.length === 0) return {};
      const known = names.flatMap((pod): [string, string][] => {
        const node = nodes.get(pod) ?? '';
        return NAME.test(node) ? [[pod, node]] : [];
      });
      return { pods, ...(known.length > 0 ? { nodes: Object.fromEntries(known) } : {}) };
    },
  };
}

/** Exposures and events of each pod. A latency metric is told at one bound: that of its objective, else the largest. */
function* countsOf(
  source: MetricSource,
  counts: Counts,
  config: CanaryConfig,
): Generator<[string, { n: number; e: number }]> {
  if (source.kind === 'cpu') return;
  if (source.kind === 'ratio') {
    const events = counts.get(selectorText(source.events));
    for (const [pod, total] of counts.get(selectorText(source.total))?.pods ?? []) {
      yield [pod, { n: Math.round(total.sum), e: Math.round(events?.pods.get(pod)?.sum ?? 0) }];
    }
    return;
  }
  const rules = config.judge.metrics.find((m) => m.name === source.name);
  const bound = rules === undefined ? undefined : podBound(rules);
  if (typeof bound !== 'number') return;
  for (const [pod, { byBound }] of counts.get(selectorText(source.buckets))?.pods ?? []) {
    const n = Math.round(byBound.get(Number.POSITIVE_INFINITY) ?? 0);
    const fast = Math.round(byBound.get(bound) ?? 0);
    yield [pod, { n, e: Math.max(0, n - fast) }];
  }
}

/** Names of scrape targets as pods: host and port, the path where that is not enough; never the query. */
export function targetNames(urls: readonly URL[]): Map<string, string> {
  const names = new Map<string, string>();
  const used = new Map<string, number>();
  for (const url of urls) {
    const alone = urls.filter((other) => other.host === url.host).length === 1;
    const name = alone ? url.host : `${url.host}${url.pathname}`;
    const again = (used.get(name) ?? 0) + 1;
    used.set(name, again);
    names.set(url.href, again === 1 ? name : `${name}#${again}`);
  }
  return names;
}
