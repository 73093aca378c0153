/**
 * The source `prometheus`. Range selectors answer raw samples, whose increases are whole numbers; `rate` and `increase`
 * extrapolate and lose young counters, so they are never used.
 */
import { ActionError, type Clock } from '../../runner/index.ts';
import type { CanaryConfig } from '../config.ts';
import type { Gap, Interval, Pair, TraceLine } from '../core/index.ts';
import type { Since } from '../prometheus-inputs.ts';
import { type ArmCounts, type ArmName, addCount, assemble, planWants, START_TIME } from './plan.ts';
import { GapError, type PromClient, type RawSeries } from './promql.ts';
import { formatMatcher, type Matcher, withMatchers } from './selector.ts';
import { increase, indexAt, LOOKBACK, type Point } from './series.ts';
import { type MetricsSource, type SourceContext, toMillis } from './source.ts';

interface Segment {
  from: number;
  to: number;
  step: string | null;
  weight: number | null;
}

/** Raw samples of one arm: by want, and the start times by pod. */
interface ArmSeries {
  byWant: Map<string, { pod: string; le: string | undefined; points: readonly Point[] }[]>;
  starts: Map<string, readonly Point[]>;
  /** Sample times of each pod, for "was this pod there before". */
  seen: Map<string, { first: number; times: readonly Point[] }>;
}

/** Longest range of one query: an hour of raw samples. */
const MAX_RANGE = 3600;

export interface PrometheusOptions {
  client: PromClient;
  config: CanaryConfig;
  arms: Pair<readonly Matcher[]>;
  since: readonly Since[];
  context: SourceContext;
  clock: Clock;
}

export function prometheusSource(options: PrometheusOptions): MetricsSource {
  const { client, config, arms, context, clock } = options;
  const wants = planWants(config);
  const queue: TraceLine[] = [];
  const firstSeen: Pair<Map<string, number>> = { stable: new Map(), canary: new Map() };
  let segments: Segment[] | null = null;
  /** Server time - our time. */
  let offset = 0;
  let at = 0;
  let t0 = context.t0 ?? Number.POSITIVE_INFINITY;

  async function readClock(signal: AbortSignal): Promise<number> {
    offset = (await client.time(signal)) - clock.now();
    return clock.now() + offset;
  }

  async function begin(signal: AbortSignal): Promise<Segment[]> {
    const now = toMillis(await readClock(signal).catch(keepGoing));
    const first = options.since[0];
    const own = { step: context.step, weight: context.weight, to: Number.POSITIVE_INFINITY };
    checkSince(options.since, now);
    let list: Segment[];
    if (first !== undefined) {
      list = options.since.map((s, i) => {
        const next = options.since[i + 1];
        if (next === undefined) return { ...own, from: toMillis(s.at) };
        return { from: toMillis(s.at), to: toMillis(next.at), step: String(s.weight), weight: s.weight };
      });
    } else if (context.lastEnd !== null && context.lastEnd < now) {
      list = [
        { from: context.lastEnd, to: now, step: null, weight: null },
        { ...own, from: now },
      ];
    } else list = [{ ...own, from: Math.max(now, context.lastEnd ?? 0) }];
    at = list[0]?.from ?? now;
    t0 = Math.min(t0, at);
    return list;
  }

  /** A server that cannot be asked at the start: our own clock must do until it answers. */
  function keepGoing(error: unknown): number {
    if (!(error instanceof GapError)) throw error;
    context.fault(error.message);
    return clock.now() + offset;
  }

  function segment(list: readonly Segment[]): Segment {
    return list.find((s) => at < s.to) ?? (list.at(-1) as Segment);
  }

  function boundaries(s: Segment, newest: number): number[] {
    const result: number[] = [];
    let k = Math.floor((at - s.from) / config.interval + 1e-9) + 1;
    for (let b = at; b < s.to; k += 1) {
      b = Math.min(s.to, toMillis(s.from + k * config.interval));
      if (b > newest || b - at > MAX_RANGE - LOOKBACK) break;
      result.push(b);
    }
    return result;
  }

  async function fill(list: Segment[], signal: AbortSignal): Promise<void> {
    const s = segment(list);
    const due = Math.min(
      s.to,
      toMillis(s.from + (Math.floor((at - s.from) / config.interval + 1e-9) + 1) * config.interval),
    );
    const wait = due + config.lag - (clock.now() + offset);
    if (wait > 0) await clock.sleep(wait, signal);
    let now: number;
    try {
      now = await readClock(signal);
      // The server's clock is behind what we thought: wait again.
      if (now - config.lag < due - 1e-6) return;
      const ends = boundaries(s, now - config.lag + 1e-6);
      const series = await readArms(ends.at(-1) ?? due, signal);
      for (const end of ends) push(s, end, lineOf(series, end));
    } catch (error) {
      if (!(error instanceof GapError)) throw error;
      context.fault(error.message);
      const late = boundaries(s, clock.now() + offset - config.lag).at(-1) ?? due;
      push(s, late, { gap: error.gap });
    }
  }

  function push(s: Segment, end: number, counted: Pick<Interval, 'traffic' | 'metrics'> | { gap: Gap }): void {
    // A run begins with its step; the time between two runs belongs to none.
    if (at === s.from && s.step !== null) queue.push({ v: 1, type: 'event', at, event: 'run' });
    queue.push({ v: 1, step: s.step, weight: s.weight, start: at, end, ...counted });
    at = end;
  }

  async function readArms(end: number, signal: AbortSignal): Promise<Pair<ArmSeries>> {
    const range = Math.ceil(end - at + LOOKBACK);
    const read = async (arm: ArmName): Promise<ArmSeries> => {
      const result: ArmSeries = { byWant: new Map(), starts: new Map(), seen: new Map() };
      const start = `${START_TIME}{${arms[arm].map(formatMatcher).join(',')}}[${range}s]`;
      for (const series of await client.matrix(start, end, signal)) result.starts.set(podOf(series), series.points);
      for (const want of wants) {
        const query = `${withMatchers(want.selector, arms[arm])}[${range}s]`;
        const found = await client.matrix(query, end, signal);
        result.byWant.set(
          want.id,
          found.map((series) => ({ pod: podOf(series), le: series.labels.le, points: series.points })),
        );
        for (const series of found) notePod(result, arm, podOf(series), series.points);
      }
      return result;
    };
    // One arm after the other with the same time: what is in the store for `end` does not change any more.
    return { stable: await read('stable'), canary: await read('canary') };
  }

  function notePod(series: ArmSeries, arm: ArmName, pod: string, points: readonly Point[]): void {
    const first = points[0]?.[0];
    if (first === undefined) return;
    const known = series.seen.get(pod);
    if (known === undefined || points.length > known.times.length) {
      series.seen.set(pod, { first: Math.min(first, known?.first ?? first), times: points });
    }
    firstSeen[arm].set(pod, Math.min(first, firstSeen[arm].get(pod) ?? first));
  }

  function lineOf(series: Pair<ArmSeries>, end: number): Pick<Interval, 'traffic' | 'metrics'> | { gap: Gap } {
    return assemble(config, {
      stable: countArm(series.stable, firstSeen.stable, end),
      canary: countArm(series.canary, firstSeen.canary, end),
    });
  }

  function countArm(series: ArmSeries, first: ReadonlyMap<string, number>, end: number): ArmCounts {
    const counts: ArmCounts = { metrics: new Map(), traffic: new Map() };
    for (const want of wants) {
      for (const { pod, le, points } of series.byWant.get(want.id) ?? []) {
        const starts = series.starts.get(pod) ?? [];
        const startAt = (time: number): number | undefined => starts[Math.max(0, indexAt(starts, time))]?.[1];
        const times = series.seen.get(pod)?.times ?? [];
        const knownBefore = (times[indexAt(times, at)]?.[0] ?? Number.NEGATIVE_INFINITY) > at - LOOKBACK;
        const started = startAt(end);
        const grown = increase(points, at, end, {
          fromZero: knownBefore || (started !== undefined && started > t0),
          restarted: (a, b) => Math.abs((startAt(b) ?? 0) - (startAt(a) ?? 0)) > 1,
        });
        if (grown === null) continue;
        addCount(counts.traffic, want, pod, le, grown);
        // A pod that came after the rollout began is warm only after its own warm-up.
        const born = Math.max(first.get(pod) ?? 0, started ?? 0);
        if (born > t0 && end <= born + config.judge.warmup) continue;
        addCount(counts.metrics, want, pod, le, grown);
      }
    }
    return counts;
  }

  return {
    kind: 'prometheus',
    names: (signal) => client.names(signal),
    now: () => clock.now() + offset,
    async next(signal) {
      segments ??= await begin(signal);
      while (queue.length === 0) {
        if (signal.aborted) throw signal.reason;
        await fill(segments, signal);
      }
      return queue.shift() ?? null;
    },
  };
}

function podOf(series: RawSeries): string {
  return series.labels.pod ?? series.labels.instance ?? '';
}

/** Refuses to begin in the future: there is nothing to read there. */
function checkSince(since: readonly Since[], now: number): void {
  const late = since.find((s) => s.at > now + 60);
  if (late === undefined) return;
  throw new ActionError('E_SINCE_INVALID', {
    what: 'input since',
    why: 'it names a time in the future',
    fix: 'Give the times at which the steps began',
  });
}
