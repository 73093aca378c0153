/**
 * The source `prometheus`. Range selectors answer raw samples, whose increases are whole numbers; `rate` and `increase`
 * extrapolate and lose young counters, so they are never used.
 */
import { ActionError, type Clock } from '../../runner/index.ts';
import type { CanaryConfig } from '../config.ts';
import type { Flag, Interval, Pair, TraceLine } from '../core/index.ts';
import type { Since } from '../prometheus-inputs.ts';
import { nodeReader } from './nodes.ts';
import { type ArmCounts, type ArmName, assemble, planWants, type Told } from './plan.ts';
import { type PodOptions, podReader } from './pods.ts';
import { GapError, type PromClient } from './promql.ts';
import { type Range, rangeReader } from './range.ts';
import type { Matcher } from './selector.ts';
import { LOOKBACK } from './series.ts';
import { type MetricsSource, type SourceContext, toMillis } from './source.ts';

interface Segment {
  from: number;
  to: number;
  step: string | null;
  weight: number | null;
  /** The one version there is. */
  only?: ArmName;
}

/** Raw samples of one query, seconds: an hour at first, more where an hour is little. */
const FIRST_RANGE = 3600;
const MAX_RANGE = 6 * 3600;
/** Samples of one answer that are well below what a server or this action would refuse. */
const SAMPLES = 100_000;
/** Questions at once while catching up; interval by interval there is no hurry. */
const PARALLEL = 4;

export interface PrometheusOptions {
  client: PromClient;
  config: CanaryConfig;
  arms: Pair<readonly Matcher[]>;
  since: readonly Since[];
  context: SourceContext;
  clock: Clock;
  /** The window ends here, unix seconds: then there are no further lines. Needs `since`. */
  until?: number;
  /** Seconds of the stable version from before the first step, as lines of weight 0. */
  baseline?: number;
  pods?: PodOptions;
}

export function prometheusSource(options: PrometheusOptions): MetricsSource {
  const { client, config, arms, context, clock, until = Number.POSITIVE_INFINITY } = options;
  const reader = rangeReader({
    client,
    wants: planWants(config),
    arms,
    podLabel: options.pods?.label,
    warmup: config.judge.warmup,
    interval: config.interval,
    concurrent: config.judge.mode === 'concurrent',
  });
  const byPod = options.pods === undefined ? null : podReader(config, options.pods);
  const nodes = options.pods?.nodes === true ? nodeReader(client, options.pods) : null;
  const queue: TraceLine[] = [];
  let segments: Segment[] | null = null;
  /** Server time - our time. */
  let offset = 0;
  let at = 0;
  /** The newest boundary that was looked at: the interval from `at` may be open still. */
  let tried = 0;
  let t0 = context.t0 ?? Number.POSITIVE_INFINITY;
  let reach = FIRST_RANGE - LOOKBACK;
  /** The baseline has begun. */
  let stableSeen = false;

  async function readClock(signal: AbortSignal): Promise<number> {
    offset = (await client.time(signal)) - clock.now();
    return clock.now() + offset;
  }

  async function begin(signal: AbortSignal): Promise<Segment[]> {
    const now = toMillis(await readClock(signal).catch(keepGoing));
    checkWindow(options.since, until, now);
    const list = segmentsOf(now);
    const [first] = list;
    t0 = Math.min(t0, first?.from ?? now);
    if (options.baseline !== undefined && first !== undefined && context.lastEnd === null) {
      const from = Math.max(0, first.from - options.baseline);
      list.unshift({ from, to: first.from - settling(options.baseline), step: null, weight: 0, only: 'stable' });
    }
    at = list[0]?.from ?? now;
    tried = at;
    return list;
  }

  /**
   * From the commit to the moment at which it is real the canary may have its new share already. Where it is compared with
   * the time before, that is no time before.
   */
  function settling(baseline: number): number {
    return config.judge.mode === 'concurrent' ? 0 : Math.min(config.judge.settle, baseline / 2);
  }

  function segmentsOf(now: number): Segment[] {
    const own = { step: context.step, weight: context.weight, to: until };
    if (options.since.length > 0) {
      return options.since.map((s, i) => {
        const next = options.since[i + 1];
        if (next === undefined) return { ...own, from: toMillis(s.at) };
        return { from: toMillis(s.at), to: toMillis(next.at), step: String(s.weight), weight: s.weight };
      });
    }
    if (context.lastEnd !== null && context.lastEnd < now) {
      return [
        { from: context.lastEnd, to: now, step: null, weight: null },
        { ...own, from: now },
      ];
    }
    return [{ ...own, from: Math.max(now, context.lastEnd ?? 0) }];
  }

  /** A server that cannot be asked at the start: our own clock must do until it answers. */
  function keepGoing(error: unknown): number {
    if (!(error instanceof GapError)) throw error;
    context.fault(error.message);
    return clock.now() + offset;
  }

  /** Number of the first boundary that was not looked at. */
  const next = (s: Segment): number => Math.floor((tried - s.from) / config.interval + 1e-9) + 1;

  function boundaries(s: Segment, newest: number): number[] {
    const result: number[] = [];
    let k = next(s);
    for (let b = tried; b < s.to; k += 1) {
      b = Math.min(s.to, toMillis(s.from + k * config.interval));
      if (b > newest || (b - at > reach && result.length > 0)) break;
      result.push(b);
    }
    return result;
  }

  async function fill(s: Segment, signal: AbortSignal): Promise<void> {
    const due = Math.min(s.to, toMillis(s.from + next(s) * config.interval));
    const wait = due + config.lag - (clock.now() + offset);
    if (wait > 0) await clock.sleep(wait, signal);
    let now: number;
    try {
      now = await readClock(signal);
      // The server's clock is behind what we thought: wait again.
      if (now - config.lag < due - 1e-6) return;
      const ends = boundaries(s, now - config.lag + 1e-6);
      const last = ends.at(-1) ?? due;
      const range = await reader.read(at, last, ends.length > 1 ? PARALLEL : 1, signal);
      const known = nodes === null ? range.pods().nodes : await nodes.of(range.pods(), last, signal);
      if (last - at > reach / 2) reach = reachAfter(range.largest, last - at + LOOKBACK);
      for (const end of ends) settle(range, s, end, known);
    } catch (error) {
      if (!(error instanceof GapError)) throw error;
      context.fault(error.message);
      const late = boundaries(s, clock.now() + offset - config.lag).at(-1) ?? due;
      push(s, late, { gap: error.gap });
    }
  }

  /** Both versions always cover the same time: an interval whose samples do not is left open, or is a gap. */
  function settle(range: Range, s: Segment, end: number, known: ReadonlyMap<string, string>): void {
    const stretched = tried > at;
    tried = end;
    const begun = s.only === 'stable' ? s.from : t0;
    const alone = s.only ?? (config.judge.mode === 'concurrent' ? undefined : 'canary');
    const { told, lost } = range.look(at, end, begun, { cut: end >= s.to, only: alone });
    if (told === 'wait') return;
    // The time before there was a stable version is no hole in what is known of it.
    if (s.only === 'stable' && told === 'stable-absent' && !stableSeen) {
      at = end;
      return;
    }
    const flags: Flag[] = [...(stretched ? ['stretched' as const] : []), ...(lost ? ['target-lost' as const] : [])];
    const counted = told === 'ready' ? count(range, end, begun, alone, known) : { gap: told };
    push(s, end, { ...counted, ...(flags.length > 0 ? { flags } : {}) });
  }

  function count(
    range: Range,
    end: number,
    begun: number,
    alone: ArmName | undefined,
    known: ReadonlyMap<string, string>,
  ): Told {
    // Only what is told, or a pod that both selectors match would look like one that counts for both versions at once.
    const of = (arm: ArmName): ArmCounts =>
      alone === undefined || alone === arm
        ? range.count(arm, at, end, begun)
        : { metrics: new Map(), traffic: new Map() };
    const counted = { stable: of('stable'), canary: of('canary') };
    const line = assemble(config, counted, alone);
    return byPod === null || 'gap' in line ? line : { ...line, ...byPod.of(counted, known) };
  }

  function push(s: Segment, end: number, counted: Told & { flags?: Flag[] }): void {
    // A run begins with its step; the time between two runs belongs to none.
    if (at === s.from && s.step !== null) queue.push({ v: 1, type: 'event', at, event: 'run' });
    const line: Interval = { v: 1, step: s.step, weight: s.weight, start: at, end, ...counted };
    queue.push(byPod?.fit(line) ?? line);
    stableSeen = true;
    at = end;
    tried = end;
  }

  return {
    kind: 'prometheus',
    names: (signal) => client.names(signal),
    now: () => clock.now() + offset,
    async next(signal) {
      segments ??= await begin(signal);
      while (queue.length === 0) {
        if (signal.aborted) throw signal.reason;
        const segment = segments.find((s) => at < s.to);
        if (segment === undefined) return null;
        at = Math.max(at, segment.from);
        tried = Math.max(tried, at);
        await fill(segment, signal);
      }
      return queue.shift() ?? null;
    },
  };
}

/** How much to ask for next: as much as gives answers of a good size. */
function reachAfter(samples: number, seconds: number): number {
  const fits = (seconds * SAMPLES) / Math.max(1, samples);
  return Math.max(600, Math.min(MAX_RANGE, 2 * seconds, fits) - LOOKBACK);
}

/** Refuses to begin in the future, and windows that are none: there is nothing to read there. */
function checkWindow(since: readonly Since[], until: number, now: number): void {
  const late = since.some((s) => s.at > now + 60) || (until !== Number.POSITIVE_INFINITY && until > now + 60);
  const none = until <= (since.at(-1)?.at ?? Number.NEGATIVE_INFINITY);
  if (!late && !none) return;
  throw new ActionError('E_SINCE_INVALID', {
    what: 'input since',
    why: late ? 'it names a time in the future' : 'the window ends before its last step begins',
    fix: 'Give the times at which the steps began',
  });
}
