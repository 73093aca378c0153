/**
 * The source `scrape`: the metrics pages of all pods, read at once every interval. An interval closes when the live targets
 * of both arms have a newer page, so that both arms cover the same time. Of many targets one misses a round almost always:
 * then one that answered in the round before is new enough, and one in ten is not waited for.
 */
import type { Http } from '../../http/index.ts';
import type { Clock } from '../../runner/index.ts';
import type { CanaryConfig } from '../config.ts';
import type { Flag, Gap, Interval, Pair, TraceLine } from '../core/index.ts';
import { countPage, delta, fromZero, type PageCounts, SampleError } from './counters.ts';
import { PageError, readPage } from './page.ts';
import {
  type ArmCounts,
  type ArmName,
  assemble,
  type Counts,
  mergeCounts,
  planWants,
  START_TIME,
  type Told,
} from './plan.ts';
import { type PodOptions, podReader, targetNames } from './pods.ts';
import { isCovered, isPartial } from './rounds.ts';
import { type MetricsSource, type SourceContext, toMillis } from './source.ts';

interface Target {
  readonly url: URL;
  /** As it stands in a trace. */
  readonly name: string;
  readonly arm: ArmName;
  /** The last page; null: never read, or lost. */
  page: PageCounts | null;
  pageAt: number | null;
  /** The last page, or the begin. */
  lastAt: number;
  lost: boolean;
  answered: boolean;
  /** Counted since the last boundary; null when there was no page to count from. */
  pending: Counts | null;
  /** Its last page is older than the time that is counted: the next one is where it counts from. */
  behind: boolean;
  /** That was so in this interval. */
  rebased: boolean;
  /** Until then its counts are traffic only. */
  warmUntil: number;
}

export interface ScrapeOptions {
  http: Http;
  config: CanaryConfig;
  targets: Pair<readonly URL[]>;
  context: SourceContext;
  clock: Clock;
  /** Each target is a pod: no request more than without. */
  pods?: PodOptions;
}

/** A target that is silent for so many intervals is dropped, and an interval that is open for longer is a gap. */
const PATIENCE = 4;
const MAX_TIMEOUT = 10;
/** A page does not say where its pod runs. */
const NO_NODES: ReadonlyMap<string, string> = new Map();

export function scrapeSource(options: ScrapeOptions): MetricsSource {
  const { http, config, context, clock } = options;
  const wants = planWants(config);
  const wanted = new Set([...wants.map((w) => w.selector.name), START_TIME]);
  const timeout = Math.min(MAX_TIMEOUT, config.interval);
  const { step, weight } = context;
  const byPod = options.pods === undefined ? null : podReader(config, options.pods);
  const flags = new Set<Flag>();
  let targets: Target[] = [];
  let lastNames: ReadonlySet<string> = new Set();
  /** End of the last interval. */
  let boundary = 0;
  let nextAt = 0;
  /** When the round before was. */
  let roundBefore = 0;
  let begun = false;
  let t0 = context.t0;
  /** When this run began to count; null until there was a page of every target, or a gap. */
  let countsFrom: number | null = null;

  function begin(): TraceLine {
    begun = true;
    boundary = Math.max(toMillis(clock.now()), context.lastEnd ?? 0);
    nextAt = clock.now();
    const names = targetNames([...options.targets.stable, ...options.targets.canary]);
    const make =
      (arm: ArmName) =>
      (url: URL): Target => ({
        url,
        name: names.get(url.href) ?? url.host,
        arm,
        page: null,
        pageAt: null,
        lastAt: boundary,
        lost: false,
        answered: false,
        pending: null,
        behind: false,
        rebased: false,
        warmUntil: 0,
      });
    targets = [...options.targets.stable.map(make('stable')), ...options.targets.canary.map(make('canary'))];
    return { v: 1, type: 'event', at: boundary, event: 'run' };
  }

  async function round(signal: AbortSignal): Promise<Interval | null> {
    await clock.sleep(Math.max(0, nextAt - clock.now()), signal);
    const at = Math.max(toMillis(clock.now()), countsFrom === null ? boundary : toMillis(boundary + 0.001));
    // A slow round shortens nothing: the next one begins an interval after this one did.
    nextAt = Math.max(nextAt + config.interval, clock.now());
    await Promise.all(targets.map((target) => visit(target, at, signal)));
    const closed = close(at);
    roundBefore = at;
    return closed;
  }

  async function visit(target: Target, at: number, signal: AbortSignal): Promise<void> {
    try {
      const { samples, names } = await readPage(http, target.url, wanted, timeout, !target.answered, signal);
      const page = countPage(samples, wants);
      lastNames = names;
      take(target, page, at);
      target.answered = true;
    } catch (error) {
      if (!(error instanceof PageError || error instanceof SampleError)) throw error;
      context.fault(error.message);
      if (target.lost || at - target.lastAt <= PATIENCE * config.interval) return;
      target.lost = true;
      target.page = null;
      target.pageAt = null;
      target.pending = null;
      flags.add('target-lost');
    }
  }

  function take(target: Target, page: PageCounts, at: number): void {
    const counts: Counts = new Map();
    if (target.page !== null) {
      if (delta(target.name, target.page, page, counts)) {
        flags.add('restart');
        target.warmUntil = at + config.judge.warmup;
      }
      if (!target.behind) {
        target.pending ??= new Map();
        mergeCounts(target.pending, counts);
      }
    } else {
      const born = page.startTime ?? 0;
      if (countsFrom !== null) {
        target.warmUntil = at + config.judge.warmup;
        // Born while we watch, and never counted: all of its requests belong here.
        if (!target.answered && born > countsFrom) {
          fromZero(target.name, page, counts);
          target.pending = counts;
        }
      } else if (t0 !== null && born > t0) target.warmUntil = Math.min(at, born) + config.judge.warmup;
    }
    target.page = page;
    target.pageAt = at;
    target.lastAt = at;
    target.lost = false;
    target.rebased ||= target.behind;
    target.behind = false;
  }

  function close(at: number): Interval | null {
    const live = targets.filter((t) => !t.lost);
    const here = { stable: live.filter((t) => t.arm === 'stable'), canary: live.filter((t) => t.arm === 'canary') };
    const rounds = { boundary, before: roundBefore, now: at };
    if (!isCovered(here.stable, rounds) || !isCovered(here.canary, rounds)) {
      // A page is missing: this time is told with the next one, but not for ever, or nobody would look at the deadline.
      if (at - boundary > PATIENCE * config.interval) return line(at, { gap: 'scrape-error' });
      if (live.some((t) => t.pending !== null)) flags.add('stretched');
      return null;
    }
    if (here.stable.length === 0 || here.canary.length === 0) {
      const gap: Gap =
        live.length === 0 ? 'scrape-error' : here.canary.length === 0 ? 'canary-absent' : 'stable-absent';
      return line(at, { gap });
    }
    if (isPartial(here.stable) || isPartial(here.canary)) return line(at, { gap: 'scrape-error' });
    const ready = (arm: ArmName): boolean => here[arm].some((t) => t.pending !== null);
    if (!ready('stable') || !ready('canary')) {
      if (countsFrom === null) {
        // The first pages of all: from here on we count, also those that had a page before.
        cut(at, at, false);
        return null;
      }
      // A version that is back: its page is a baseline, and this time is not known for both.
      const gap: Gap = ready('stable') ? 'canary-absent' : ready('canary') ? 'stable-absent' : 'scrape-error';
      return line(at, { gap });
    }
    const arms = { stable: count(here.stable, at), canary: count(here.canary, at) };
    const told = assemble(config, arms);
    return line(at, byPod === null || 'gap' in told ? told : { ...told, ...byPod.of(arms, NO_NODES) });
  }

  function count(live: readonly Target[], at: number): ArmCounts {
    const counts: ArmCounts = { metrics: new Map(), traffic: new Map() };
    for (const target of live) {
      if (target.pending === null) continue;
      mergeCounts(counts.traffic, target.pending);
      if (at > target.warmUntil) mergeCounts(counts.metrics, target.pending);
    }
    return counts;
  }

  /** The next interval begins here. @param told what was counted up to here is in a line */
  function cut(at: number, from: number, told: boolean): void {
    boundary = at;
    for (const target of targets) {
      target.pending = null;
      target.rebased = false;
      // Told, what a late target counts comes with the next line; else it would come from long before that line.
      if (!told && target.page !== null && target.lastAt < roundBefore) target.behind = true;
    }
    t0 ??= from;
    countsFrom ??= from;
    flags.clear();
  }

  function line(at: number, counted: Told): Interval {
    const start = boundary;
    const marks = [...flags].sort();
    cut(at, start, !('gap' in counted));
    const own: Interval = {
      v: 1,
      step,
      weight,
      start,
      end: at,
      ...counted,
      ...(marks.length > 0 ? { flags: marks } : {}),
    };
    return byPod?.fit(own) ?? own;
  }

  return {
    kind: 'scrape',
    names: async () => [...lastNames],
    async next(signal) {
      if (!begun) return begin();
      for (;;) {
        if (signal.aborted) throw signal.reason;
        const closed = await round(signal);
        if (closed !== null) return closed;
      }
    },
  };
}
