/** What to read, and how the increases of counters become the arms of an interval. The same for every source. */
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { type CanaryConfig, type MetricSource, selectorText } from '../config.ts';
import type { Arm, Gap, Interval, Pair } from '../core/index.ts';
import type { Selector } from './selector.ts';

export type ArmName = 'stable' | 'canary';

/** One selector that is read, whatever the number of metrics that need it. */
export interface Want {
  /** Identity: the text of the selector. */
  readonly id: string;
  readonly selector: Selector;
  /** The series are buckets of a histogram: counted by their label `le`. */
  readonly buckets: boolean;
  /** Increases must be whole numbers. */
  readonly whole: boolean;
}

/** Increase of one want, of one pod or of all. */
export interface Increase {
  sum: number;
  byBound: Map<number, number>;
}

/** Increase of one want on one arm. No entry: no such series. */
export interface Counted extends Increase {
  /** Targets or pods that have such a series, and what each of them counted. */
  pods: Map<string, Increase>;
  /** Bounds of each histogram, by pod and its labels but `le`: a bound that only some have counts only their requests. */
  histograms: Map<string, { pod: string; of: string; bounds: Set<number> }>;
}

export type Counts = Map<string, Counted>;

/** Start of a process in unix seconds: tells a restart even where the new counter is larger than the old one. */
export const START_TIME = 'process_start_time_seconds';

export function planWants(config: CanaryConfig): Want[] {
  const wants = new Map<string, Want>();
  const add = (selector: Selector, buckets: boolean, whole: boolean): void => {
    const id = selectorText(selector);
    wants.set(id, { id, selector, buckets, whole: whole && (wants.get(id)?.whole ?? true) });
  };
  add(config.traffic, false, true);
  for (const source of config.sources) {
    if (source.kind === 'ratio') {
      add(source.events, false, true);
      add(source.total, false, true);
    } else if (source.kind === 'latency') add(source.buckets, true, true);
    else {
      add(source.cpu, false, false);
      add(source.total, false, true);
    }
  }
  return [...wants.values()];
}

/** @param of the labels of the series but `le`, as a message shows them */
export function addCount(
  counts: Counts,
  want: Want,
  pod: string,
  le: string | undefined,
  increase: number,
  of = '',
): void {
  const entry = entryOf(counts, want.id);
  const own = podEntry(entry, pod);
  if (!want.buckets) {
    entry.sum += increase;
    own.sum += increase;
    return;
  }
  const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le ?? Number.NaN);
  if (Number.isNaN(bound)) return;
  for (const into of [entry, own]) into.byBound.set(bound, (into.byBound.get(bound) ?? 0) + increase);
  histogramOf(entry, pod, of).bounds.add(bound);
}

function entryOf(counts: Counts, id: string): Counted {
  let entry = counts.get(id);
  if (entry === undefined) {
    entry = { sum: 0, byBound: new Map(), pods: new Map(), histograms: new Map() };
    counts.set(id, entry);
  }
  return entry;
}

function histogramOf(entry: Counted, pod: string, of: string): { bounds: Set<number> } {
  const key = `${pod}\n${of}`;
  let own = entry.histograms.get(key);
  if (own === undefined) {
    own = { pod, of, bounds: new Set() };
    entry.histograms.set(key, own);
  }
  return own;
}

function podEntry(entry: Counted, pod: string): Increase {
  let own = entry.pods.get(pod);
  if (own === undefined) {
    own = { sum: 0, byBound: new Map() };
    entry.pods.set(pod, own);
  }
  return own;
}

/** Sums what two readings of one arm counted. */
export function mergeCounts(into: Counts, from: Counts): void {
  for (const [id, entry] of from) {
    const known = entryOf(into, id);
    addIncrease(known, entry);
    for (const [pod, own] of entry.pods) addIncrease(podEntry(known, pod), own);
    for (const { pod, of, bounds } of entry.histograms.values()) {
      const own = histogramOf(known, pod, of);
      for (const bound of bounds) own.bounds.add(bound);
    }
  }
}

function addIncrease(into: Increase, from: Increase): void {
  into.sum += from.sum;
  for (const [bound, n] of from.byBound) into.byBound.set(bound, (into.byBound.get(bound) ?? 0) + n);
}

/** What one interval counted: `metrics` without targets in warm-up, `traffic` with them. */
export interface ArmCounts {
  metrics: Counts;
  traffic: Counts;
}

/** The part of a trace line that depends on the counts. */
export type Told = Pick<Interval, 'traffic' | 'metrics' | 'pods' | 'nodes'> | { gap: Gap };

/**
 * @param only the one version there is: `stable` before the canary, `canary` where it has all of the traffic
 * @throws ActionError E_LE_NOT_FOUND, E_NOT_A_COUNTER
 */
export function assemble(config: CanaryConfig, arms: Pair<ArmCounts>, only?: ArmName): Told {
  const expects = (arm: ArmName): boolean => only === undefined || only === arm;
  const absent = (arm: ArmName): boolean => expects(arm) && arms[arm].traffic.size === 0;
  if (absent('stable') || absent('canary')) {
    if (only !== undefined) return { gap: `${only}-absent` };
    return { gap: absent('stable') ? (absent('canary') ? 'both-absent' : 'stable-absent') : 'canary-absent' };
  }
  const metrics: Record<string, Pair<Arm | null>> = {};
  const read = (source: MetricSource, arm: ArmName): Arm | null =>
    expects(arm) ? armOf(source, arms[arm].metrics, arm) : null;
  for (const source of config.sources) {
    metrics[source.name] = { stable: read(source, 'stable'), canary: read(source, 'canary') };
  }
  const id = selectorText(config.traffic);
  const requests = (arm: ArmName): number | undefined => (expects(arm) ? arms[arm].traffic.get(id)?.sum : 0);
  const [stable, canary] = [requests('stable'), requests('canary')];
  if (stable === undefined || canary === undefined) return { metrics };
  return { traffic: { stable: whole(stable, id), canary: whole(canary, id) }, metrics };
}

function armOf(source: MetricSource, counts: Counts, arm: ArmName): Arm | null {
  if (source.kind === 'latency') {
    const buckets = counts.get(selectorText(source.buckets));
    return buckets === undefined ? null : latencyArm(source, buckets, arm);
  }
  const total = counts.get(selectorText(source.total));
  if (total === undefined) return null;
  const n = whole(total.sum, selectorText(source.total));
  if (source.kind === 'ratio') {
    // No such series yet means that nothing of the kind has happened.
    return { n, e: whole(counts.get(selectorText(source.events))?.sum ?? 0, selectorText(source.events)) };
  }
  const cpu = counts.get(selectorText(source.cpu));
  return cpu === undefined ? null : { n, x: Number(cpu.sum.toPrecision(12)), pods: cpu.pods.size };
}

function latencyArm(source: MetricSource & { kind: 'latency' }, buckets: Counted, arm: ArmName): Arm {
  const id = selectorText(source.buckets);
  const all = buckets.byBound.get(Number.POSITIVE_INFINITY);
  const missing = source.le.find((bound) => !buckets.byBound.has(bound));
  if (missing !== undefined || all === undefined) {
    throw new ActionError('E_LE_NOT_FOUND', {
      what: `metric ${source.name}`,
      why: `the ${arm} version has no bucket le="${missing ?? '+Inf'}" of ${id}; it has ${boundsText(buckets.byBound.keys())}`,
      fix: 'Name bounds in le that both versions have',
    });
  }
  for (const { pod, of, bounds } of buckets.histograms.values()) {
    const lacking = [...source.le, Number.POSITIVE_INFINITY].find((bound) => !bounds.has(bound));
    if (lacking === undefined) continue;
    throw new ActionError('E_LE_NOT_FOUND', {
      what: `metric ${source.name}`,
      why: `not every series of ${id} in the ${arm} version has the same buckets: ${oneLine(of, 400) || 'one'} of pod ${oneLine(pod, 100)} has no le="${boundText(lacking)}"; it has ${boundsText(bounds)}`,
      fix: 'Name bounds in le that all series have, or select only those that have them',
    });
  }
  const n = whole(all, id);
  const le: Record<string, number> = {};
  let before = 0;
  for (const bound of [...source.le].sort((a, b) => a - b)) {
    // A page read while it was being written can be off by a request; cumulative counts must still not fall.
    before = Math.min(n, Math.max(before, whole(buckets.byBound.get(bound) ?? 0, id)));
    le[String(bound)] = before;
  }
  return { n, le };
}

const boundText = (bound: number): string => (bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound));

function boundsText(bounds: Iterable<number>): string {
  const sorted = [...bounds].sort((a, b) => a - b);
  return sorted.map(boundText).join(', ') || 'none';
}

function whole(value: number, id: string): number {
  const rounded = Math.round(value);
  if (Math.abs(value - rounded) <= 1e-6) return rounded;
  throw new ActionError('E_NOT_A_COUNTER', {
    what: `selector ${id}`,
    why: `its increase of ${value} is not a whole number`,
    fix: 'Select a counter of requests, not a gauge, a sum of seconds or a recorded rate',
  });
}
