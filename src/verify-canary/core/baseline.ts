/**
 * The stable version of before the canary: lines with step null and weight 0, which stand first in a trace. They tell how
 * noisy it is, and in the modes without a stable arm they are what the canary is compared with.
 *
 * Such a comparison takes each line of the baseline at most once, as the stable arm of one line of the canary. Which one
 * depends on loads alone, never on events: of those that are left, the one whose load is nearest, within {@link LIKE}. A load
 * that the baseline does not know is not judged: that time is not covered. The rate of the baseline is thus not taken for known; its own chance is in the test, as that of a stable arm.
 * What is assumed, and cannot be checked while the canary runs: that at a like load the stable version would have had no more
 * than `fail.ratio` (at least 1.5 here) between then and now; that the loads of the baseline are given, not a consequence of
 * its events; and, before promotion, that test traffic is like production's, whatever its load. This is why it is called weaker.
 */

import { podBound } from './defaults.ts';
import { createDispersion } from './dispersion.ts';
import { type Comparison, createComparison, createSplit, type Part } from './halves.ts';
import { events } from './metric.ts';
import { armsIn } from './step.ts';
import type { Arm, CpuArm, Interval, JudgeConfig, MetricConfig, Pair, RatioArm } from './types.ts';

export interface Baseline {
  readonly lines: number;
  readonly from: number | null;
  readonly to: number | null;
  /** Lines that were compared with. */
  readonly used: number;
  add(line: Interval): void;
  /** The canary begins: what counts is what was in the time before. @returns the rules with what was measured */
  close(start: number): JudgeConfig;
  /** The stable pods against one another, and without a stable arm its first half against its second; then whatever comes. */
  noise(config: JudgeConfig): Noise;
  /** The line with a stable arm from the baseline; without one when none of its stratum is left. */
  pair(line: Interval): Interval;
}

export interface Noise {
  add(line: Interval): void;
  /** ln evidence that the stable version differs from itself; null when there was nothing to compare. */
  logE(): number | null;
}

interface Entry {
  line: Interval;
  load: number;
  stratum: number;
  used: boolean;
}

/** Loads are alike up to this factor. */
const LIKE = 1.5;

export function createBaseline(config: JudgeConfig): Baseline {
  const concurrent = config.mode === 'concurrent';
  let lines: Interval[] = [];
  let entries: Entry[] = [];
  let used = 0;
  let closed = false;

  function find(load: number | null): Entry | undefined {
    // Without requests there is nothing to compare, and nothing to use up; the canary is there all the same.
    if (load === 0) return entries[0];
    // Test traffic before a promotion has no load that could be like production's.
    const entry = load === null ? undefined : nearest(entries, load, config.mode === 'pre-promotion' ? Infinity : LIKE);
    if (entry === undefined) return undefined;
    entry.used = true;
    used += 1;
    return entry;
  }

  return {
    get lines() {
      return lines.length;
    },
    get from() {
      return lines[0]?.start ?? null;
    },
    get to() {
      return lines.at(-1)?.end ?? null;
    },
    get used() {
      return used;
    },
    add(line) {
      // Whatever the line calls itself: with traffic on the canary it is from after its start.
      closed ||= (requestsOf(line, config, 'canary') ?? 0) > 0;
      if (!closed && line.gap === undefined) lines.push(line);
    },
    close(start) {
      closed = true;
      lines = lines.filter((line) => line.start >= start - config.baseline);
      const loaded = lines.flatMap((line) => {
        const load = loadOf(line, config, 'stable');
        return load === null || load === 0 ? [] : [{ line, load }];
      });
      entries = inStrata(loaded);
      return { ...config, metrics: config.metrics.map((m) => measured(m, lines, concurrent ? [] : entries)) };
    },
    noise(judge) {
      const pods = createComparison(judge);
      const split = createSplit();
      const add = (line: Interval): void => {
        if (line.gap === undefined && line.pods !== undefined) pods.add(...split(line.pods.stable), line.start);
      };
      for (const line of lines) add(line);
      const checks = concurrent ? [pods] : [pods, inTime(judge, entries)];
      return {
        add,
        logE() {
          const logs = checks.map((check) => check.logE()).filter((log) => log !== null);
          // Shared between the checks, and so below the limit more often than each alone.
          return logs.length === 0 ? null : Math.max(...logs) - Math.log(logs.length);
        },
      };
    },
    pair(line) {
      if (concurrent || line.gap !== undefined) return line;
      const entry = find(loadOf(line, config, 'canary'));
      const metrics: Record<string, Pair<Arm | null>> = {};
      for (const { name } of config.metrics) {
        const stable = entry === undefined ? null : (armsIn(entry.line, name)?.stable ?? null);
        const canary = armsIn(line, name)?.canary ?? null;
        if (stable !== null || canary !== null) metrics[name] = { stable, canary };
      }
      const traffic = { stable: 0, canary: requestsOf(line, config, 'canary') ?? 0 };
      const { pods } = line;
      return { ...line, traffic, metrics, ...(pods === undefined ? {} : { pods: { ...pods, stable: {} } }) };
    },
  };
}

/** Whether a line has something to be compared with, beside the requests of its canary. */
export function hasStable(line: Interval): boolean {
  return Object.values(line.metrics ?? {}).some((arms) => arms.stable !== null);
}

function nearest(entries: readonly Entry[], load: number, factor: number): Entry | undefined {
  let best: Entry | undefined;
  for (const entry of entries) {
    if (entry.used || entry.load > load * factor || entry.load < load / factor) continue;
    if (best === undefined || Math.abs(entry.load - load) < Math.abs(best.load - load)) best = entry;
  }
  return best;
}

/** A stratum goes from its smallest load to {@link LIKE} times that. */
function inStrata(loaded: readonly { line: Interval; load: number }[]): Entry[] {
  const strata = new Map<number, number>();
  let [stratum, from] = [-1, 0];
  for (const load of loaded.map((l) => l.load).sort((a, b) => a - b)) {
    if (stratum < 0 || load > from * LIKE) [stratum, from] = [stratum + 1, load];
    strata.set(load, stratum);
  }
  return loaded.map((l) => ({ ...l, stratum: strata.get(l.load) ?? 0, used: false }));
}

function strataOf(entries: readonly Entry[]): number[] {
  return [...new Set(entries.map((e) => e.stratum))];
}

function measured(m: MetricConfig, lines: readonly Interval[], entries: readonly Entry[]): MetricConfig {
  if (m.phiFrom === 'config') return m;
  const pods = createDispersion();
  for (const line of lines) {
    // By name: sums of fractions depend on their order, and a trace that was read again has its own.
    const counts = Object.entries(line.pods?.stable ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    pods.add(counts.flatMap(([, of]) => (Object.hasOwn(of, m.name) ? (of[m.name] ?? []) : [])));
  }
  const time = createDispersion();
  for (const stratum of strataOf(entries)) {
    time.add(entries.filter((e) => e.stratum === stratum).flatMap((e) => countsOf(e.line, m) ?? []));
  }
  const bounds = [pods.upper(), time.upper()].filter((bound) => bound !== null);
  return bounds.length === 0 ? m : { ...m, phi: Math.max(...bounds), phiFrom: 'baseline' };
}

/** The first half of the baseline against the second, stratum by stratum, the n-th load against the n-th. */
function inTime(config: JudgeConfig, entries: readonly Entry[]): Comparison {
  const comparison = createComparison(config);
  const middle = Math.floor(entries.length / 2);
  const half = (of: readonly Entry[], stratum: number): Entry[] =>
    of.filter((e) => e.stratum === stratum).sort((a, b) => a.load - b.load || a.line.start - b.line.start);
  const pairs: [Entry, Entry][] = [];
  for (const stratum of strataOf(entries)) {
    const late = half(entries.slice(middle), stratum);
    half(entries.slice(0, middle), stratum).forEach((entry, i) => {
      const other = late[i];
      if (other !== undefined) pairs.push([entry, other]);
    });
  }
  pairs.sort(([, a], [, b]) => a.line.start - b.line.start);
  for (const [a, b] of pairs) comparison.add(partOf(config, a.line), partOf(config, b.line), b.line.start);
  return comparison;
}

function partOf(config: JudgeConfig, line: Interval): Part {
  return new Map(
    config.metrics.flatMap((m): [string, RatioArm][] => {
      const counts = countsOf(line, m);
      return counts === null ? [] : [[m.name, counts]];
    }),
  );
}

/** Requests and events of the stable arm, at the bound at which pods are counted. */
function countsOf(line: Interval, m: MetricConfig): RatioArm | null {
  const bound = podBound(m);
  const arm = armsIn(line, m.name)?.stable ?? null;
  if (bound === undefined || arm === null) return null;
  return { n: arm.n, e: events(arm as Exclude<Arm, CpuArm>, bound) };
}

function requestsOf(line: Interval, config: JudgeConfig, arm: 'stable' | 'canary'): number | null {
  if (line.traffic !== undefined) return line.traffic[arm];
  const metric = config.metrics.find((m) => m.kind === 'ratio') ?? config.metrics.find((m) => m.kind === 'latency');
  return (metric === undefined ? undefined : armsIn(line, metric.name)?.[arm]?.n) ?? null;
}

function loadOf(line: Interval, config: JudgeConfig, arm: 'stable' | 'canary'): number | null {
  const requests = requestsOf(line, config, arm);
  return requests === null ? null : requests / (line.end - line.start);
}
