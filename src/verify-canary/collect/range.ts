/** Raw samples of a stretch of time from Prometheus, and what each of its intervals counted. */
import type { Pair } from '../core/index.ts';
import { findDuplicates } from './duplicates.ts';
import { type ArmCounts, type ArmName, addCount, START_TIME, type Want } from './plan.ts';
import type { PromClient, RawSeries } from './promql.ts';
import { formatMatcher, type Matcher, withMatchers } from './selector.ts';
import { increase, indexAt, LOOKBACK, type Point } from './series.ts';

/** Raw samples of one arm: by want, and the start times by pod. */
interface ArmSeries {
  byWant: Map<string, { pod: string; le: string | undefined; points: readonly Point[] }[]>;
  starts: Map<string, readonly Point[]>;
  /** When each pod was seen: all times of its samples, in order. */
  seen: Map<string, readonly number[]>;
  /** Where the series say on which node a pod runs. */
  nodes: Map<string, string>;
}

export interface RangeOptions {
  client: PromClient;
  wants: readonly Want[];
  arms: Pair<readonly Matcher[]>;
  /** Label that names the pod; undefined: `pod`, else `instance`. */
  podLabel: string | undefined;
  /** Seconds in which the requests of a new pod are traffic only. */
  warmup: number;
}

export interface Range {
  /** What one arm counted within (from, to]. @param t0 begin of the rollout: pods that came later are new */
  count(arm: ArmName, from: number, to: number, t0: number): ArmCounts;
  pods(): { stable: Iterable<string>; canary: Iterable<string>; nodes: ReadonlyMap<string, string> };
  /** Samples of the largest answer, to choose how much to ask for next. */
  readonly largest: number;
}

export interface RangeReader {
  /** @param parallel so many questions at once @throws GapError, ActionError */
  read(from: number, to: number, parallel: number, signal: AbortSignal): Promise<Range>;
}

/** Reads all selectors of both arms with the same `time`: what is in the store for it does not change any more. */
export function rangeReader({ client, wants, arms, podLabel, warmup }: RangeOptions): RangeReader {
  /** When each pod was seen first, in all that was read so far. */
  const firstSeen: Pair<Map<string, number>> = { stable: new Map(), canary: new Map() };
  /** Number of series of a selector that was found to be without duplicates. */
  const checked = new Map<string, number>();

  const podOf = ({ labels }: RawSeries): string =>
    podLabel === undefined ? (labels.pod ?? labels.instance ?? '') : (labels[podLabel] ?? '');

  async function read(from: number, to: number, parallel: number, signal: AbortSignal): Promise<Range> {
    const seconds = Math.ceil(to - from + LOOKBACK);
    const result: Pair<ArmSeries> = { stable: empty(), canary: empty() };
    const times: Pair<Map<string, Set<number>>> = { stable: new Map(), canary: new Map() };
    let largest = 0;
    const tasks: ((signal: AbortSignal) => Promise<void>)[] = [];
    for (const arm of ['stable', 'canary'] as const) {
      const start = `${START_TIME}{${arms[arm].map(formatMatcher).join(',')}}[${seconds}s]`;
      tasks.push(async (own) => {
        for (const series of await client.matrix(start, to, own)) result[arm].starts.set(podOf(series), series.points);
      });
      for (const want of wants) {
        const selector = withMatchers(want.selector, arms[arm]);
        tasks.push(async (own) => {
          const found = await client.matrix(`${selector}[${seconds}s]`, to, own);
          if (checked.get(selector) !== found.length) findDuplicates(found, selector);
          checked.set(selector, found.length);
          largest = Math.max(
            largest,
            found.reduce((sum, series) => sum + series.points.length, 0),
          );
          result[arm].byWant.set(
            want.id,
            found.map((series) => ({ pod: podOf(series), le: series.labels.le, points: series.points })),
          );
          for (const series of found) note(result[arm], times[arm], podOf(series), series);
        });
      }
    }
    await inParallel(tasks, parallel, signal);
    for (const arm of ['stable', 'canary'] as const) {
      for (const [pod, at] of times[arm]) {
        const sorted = [...at].sort((a, b) => a - b);
        result[arm].seen.set(pod, sorted);
        firstSeen[arm].set(pod, Math.min(sorted[0] ?? to, firstSeen[arm].get(pod) ?? Number.POSITIVE_INFINITY));
      }
    }
    return {
      largest,
      count: (arm, a, b, t0) => countArm(result[arm], firstSeen[arm], a, b, t0),
      pods: () => ({
        stable: result.stable.seen.keys(),
        canary: result.canary.seen.keys(),
        nodes: new Map([...result.stable.nodes, ...result.canary.nodes]),
      }),
    };
  }

  function countArm(
    series: ArmSeries,
    first: ReadonlyMap<string, number>,
    from: number,
    to: number,
    t0: number,
  ): ArmCounts {
    const counts: ArmCounts = { metrics: new Map(), traffic: new Map() };
    for (const want of wants) {
      for (const { pod, le, points } of series.byWant.get(want.id) ?? []) {
        const starts = series.starts.get(pod) ?? [];
        const startAt = (time: number): number | undefined => starts[Math.max(0, indexAt(starts, time))]?.[1];
        const started = startAt(to);
        const grown = increase(points, from, to, {
          fromZero: wasSeen(series.seen.get(pod) ?? [], from) || (started !== undefined && started > t0),
          restarted: (a, b) => Math.abs((startAt(b) ?? 0) - (startAt(a) ?? 0)) > 1,
        });
        if (grown === null) continue;
        addCount(counts.traffic, want, pod, le, grown);
        // A pod that came after the rollout began is warm only after its own warm-up.
        const born = Math.max(first.get(pod) ?? 0, started ?? 0);
        if (born > t0 && to <= born + warmup) continue;
        addCount(counts.metrics, want, pod, le, grown);
      }
    }
    return counts;
  }

  return { read };
}

const empty = (): ArmSeries => ({ byWant: new Map(), starts: new Map(), seen: new Map(), nodes: new Map() });

/**
 * All series of a pod, not the longest: after a restart other series may be there than before, and how much was asked
 * for at once must not show in what is counted.
 */
function note(arm: ArmSeries, times: Map<string, Set<number>>, pod: string, series: RawSeries): void {
  const node = series.labels.node ?? '';
  if (node !== '') arm.nodes.set(pod, node);
  const known = times.get(pod) ?? new Set();
  times.set(pod, known);
  for (const [at] of series.points) known.add(at);
}

/** True when a sample stands for the time. */
function wasSeen(times: readonly number[], at: number): boolean {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return (times[low - 1] ?? Number.NEGATIVE_INFINITY) > at - LOOKBACK;
}

/** The first failure ends all of them: nothing gets better by asking the rest. */
async function inParallel(
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const rest = new AbortController();
  const own = AbortSignal.any([signal, rest.signal]);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let task = tasks[next]; task !== undefined; task = tasks[next]) {
      next += 1;
      await task(own);
    }
  };
  const workers = Array.from({ length: Math.min(limit, tasks.length) }, () =>
    worker().catch((error: unknown) => {
      // The first one tells; the others only hear of it.
      if (!rest.signal.aborted) rest.abort(error);
    }),
  );
  await Promise.all(workers);
  if (signal.aborted) throw signal.reason;
  if (rest.signal.aborted) throw rest.signal.reason;
}
