/** Raw samples of a stretch of time from Prometheus, and what each of its intervals counted. */
import type { Pair } from '../core/index.ts';
import { findDuplicates } from './duplicates.ts';
import { agesOf, type Look, look, type Seen, stateOf, type Target } from './freshness.ts';
import { refuseOverlap } from './overlap.ts';
import { type ArmCounts, type ArmName, addCount, START_TIME, type Want } from './plan.ts';
import type { PromClient, RawSeries } from './promql.ts';
import { formatMatcher, type Matcher, seriesText, withMatchers } from './selector.ts';
import { increase, indexAt, indexOf, LOOKBACK, type Point } from './series.ts';

/** Raw samples of one arm: by want, and the start times by target and by pod. */
interface ArmSeries {
  byWant: Map<string, { target: string; le: string | undefined; of: string; points: readonly Point[] }[]>;
  starts: Map<string, (readonly Point[])[]>;
  targets: Map<string, Target>;
  /** Where the series say on which node a pod runs. */
  nodes: Map<string, string>;
}

/** Times of the samples by target. */
type Times = Map<string, { pod: string; at: Set<number> }>;

export interface RangeOptions {
  client: PromClient;
  wants: readonly Want[];
  arms: Pair<readonly Matcher[]>;
  /** Label that names the pod; undefined: `pod`, else `instance`. */
  podLabel: string | undefined;
  /** Seconds in which the requests of a new pod are traffic only. */
  warmup: number;
  /** Seconds of one interval. */
  interval: number;
  /** Both versions are counted at the same time: then no series may be in both. */
  concurrent: boolean;
}

export interface Range {
  /** Whether both versions were read alike within (from, to]. @param t0 as for `count` */
  look(from: number, to: number, t0: number, how: Pick<Look, 'cut' | 'only'>): Seen;
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
export function rangeReader({
  client,
  wants,
  arms,
  podLabel,
  warmup,
  interval,
  concurrent,
}: RangeOptions): RangeReader {
  /** When each pod was seen first, in all that was read so far. */
  const firstSeen: Pair<Map<string, number>> = { stable: new Map(), canary: new Map() };
  /** Number of series of a selector that was found to be without duplicates. */
  const checked = new Map<string, number>();

  const podOf = ({ labels }: RawSeries): string =>
    podLabel === undefined ? (labels.pod ?? labels.instance ?? '') : (labels[podLabel] ?? '');

  async function read(from: number, to: number, parallel: number, signal: AbortSignal): Promise<Range> {
    const seconds = Math.ceil(to - from + LOOKBACK);
    const result: Pair<ArmSeries> = { stable: empty(), canary: empty() };
    const times: Pair<Times> = { stable: new Map(), canary: new Map() };
    let largest = 0;
    const found: Pair<Map<string, readonly RawSeries[]>> = { stable: new Map(), canary: new Map() };
    const tasks: ((signal: AbortSignal) => Promise<void>)[] = [];
    for (const arm of ['stable', 'canary'] as const) {
      const start = `${START_TIME}{${arms[arm].map(formatMatcher).join(',')}}[${seconds}s]`;
      tasks.push(async (own) => {
        for (const series of await client.matrix(start, to, own)) {
          const pod = podOf(series);
          for (const key of [keyOf(pod, series), pod]) {
            result[arm].starts.set(key, [...(result[arm].starts.get(key) ?? []), series.points]);
          }
        }
      });
      for (const want of wants) {
        const selector = withMatchers(want.selector, arms[arm]);
        tasks.push(async (own) => {
          const all = await client.matrix(`${selector}[${seconds}s]`, to, own);
          found[arm].set(want.id, all);
          if (checked.get(selector) !== all.length && findDuplicates(all, selector)) checked.set(selector, all.length);
          largest = Math.max(
            largest,
            all.reduce((sum, series) => sum + series.points.length, 0),
          );
          result[arm].byWant.set(
            want.id,
            all.map((series) => ({
              target: note(result[arm], times[arm], podOf(series), series),
              le: series.labels.le,
              of: want.buckets ? seriesText(series.labels, 'le') : '',
              points: series.points,
            })),
          );
        });
      }
    }
    await inParallel(tasks, parallel, signal);
    for (const { id } of concurrent ? wants : []) {
      refuseOverlap({ stable: found.stable.get(id) ?? [], canary: found.canary.get(id) ?? [] }, arms);
    }
    for (const arm of ['stable', 'canary'] as const) {
      for (const [key, { pod, at }] of times[arm]) {
        const sorted = [...at].sort((a, b) => a - b);
        result[arm].targets.set(key, { key, pod, times: sorted });
        firstSeen[arm].set(pod, Math.min(sorted[0] ?? to, firstSeen[arm].get(pod) ?? Number.POSITIVE_INFINITY));
      }
    }
    return {
      largest,
      look: (a, b, t0, how) =>
        look(
          { stable: [...result.stable.targets.values()], canary: [...result.canary.targets.values()] },
          {
            ...how,
            from: a,
            to: b,
            interval,
            fromZero: (arm, target) => bornWithin(target, startOf(result[arm], target, b), a, t0),
          },
        ),
      count: (arm, a, b, t0) => countArm(result[arm], firstSeen[arm], a, b, t0),
      pods: () => ({
        stable: podsOf(result.stable),
        canary: podsOf(result.canary),
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
    const states = new Map([...series.targets].map(([key, { times }]) => [key, stateOf(times, from, to, interval)]));
    for (const want of wants) {
      for (const { target: key, le, of, points } of series.byWant.get(want.id) ?? []) {
        const target = series.targets.get(key);
        const state = states.get(key) ?? 'gone';
        // What a target counted since the last boundary is lost with it.
        if (target === undefined || state === 'lost' || state === 'ended' || state === 'gone') continue;
        const { pod, times } = target;
        const started = startOf(series, target, to);
        const grown = increase(points, from, to, {
          // One that was away has its first sample as a baseline again.
          ...(state === 'begun' ? { base: from } : {}),
          end: to - agesOf(times, to, interval).lost,
          fromZero: state !== 'begun' || bornWithin(target, started, from, t0),
          restarted: (a, b) => Math.abs((startOf(series, target, b) ?? 0) - (startOf(series, target, a) ?? 0)) > 1,
        });
        if (grown === null) continue;
        addCount(counts.traffic, want, pod, le, grown, of);
        // A pod that came after the rollout began is warm only after its own warm-up.
        const born = Math.max(first.get(pod) ?? 0, started ?? 0);
        if (born > t0 && to <= born + warmup) continue;
        addCount(counts.metrics, want, pod, le, grown, of);
      }
    }
    return counts;
  }

  return { read };
}

const empty = (): ArmSeries => ({ byWant: new Map(), starts: new Map(), targets: new Map(), nodes: new Map() });

const podsOf = (arm: ArmSeries): Set<string> => new Set([...arm.targets.values()].map((target) => target.pod));

/**
 * When the process of the target began, as far as was known at the time. A sidecar of the pod has a process of its own,
 * whose restart is none of the application: another target's time is taken only where the pod has no other.
 */
function startOf(arm: ArmSeries, { key, pod }: Target, at: number): number | undefined {
  const all = arm.starts.get(key) ?? arm.starts.get(pod) ?? [];
  const starts = all.length === 1 ? (all[0] ?? []) : [];
  return starts[Math.max(0, indexAt(starts, at))]?.[1];
}

/**
 * True when what a target counts from 0 belongs to the interval, although nothing stands for its begin: it is younger
 * than the rollout, or, where it was scraped before, than the interval.
 */
function bornWithin({ times }: Target, started: number | undefined, from: number, t0: number): boolean {
  const last = times[indexOf(times, from)];
  const scraped = last !== undefined && last > from - LOOKBACK;
  return started !== undefined && started > (scraped ? from : t0);
}

/**
 * All series of a target, not the longest: after a restart other series may be there than before, and how much was asked
 * for at once must not show in what is counted.
 * @returns the key of the target
 */
function note(arm: ArmSeries, times: Times, pod: string, series: RawSeries): string {
  const { node = '' } = series.labels;
  if (node !== '') arm.nodes.set(pod, node);
  const key = keyOf(pod, series);
  const known = times.get(key) ?? { pod, at: new Set() };
  times.set(key, known);
  for (const [at] of series.points) known.at.add(at);
  return key;
}

const keyOf = (pod: string, { labels: { job = '', instance = '' } }: RawSeries): string =>
  JSON.stringify([pod, job, instance]);

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
