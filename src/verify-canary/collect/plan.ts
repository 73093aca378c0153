/** What to read, and how the increases of counters become the arms of an interval. The same for every source. */
import { ActionError } from '../../runner/index.ts';
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

/** Increase of one want on one arm. No entry: no such series. */
export interface Counted {
  sum: number;
  byBound: Map<number, number>;
  /** Targets or pods that have such a series. */
  pods: Set<string>;
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

export function addCount(counts: Counts, want: Want, pod: string, le: string | undefined, increase: number): void {
  let entry = counts.get(want.id);
  if (entry === undefined) {
    entry = { sum: 0, byBound: new Map(), pods: new Set() };
    counts.set(want.id, entry);
  }
  entry.pods.add(pod);
  if (!want.buckets) {
    entry.sum += increase;
    return;
  }
  const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le ?? Number.NaN);
  if (!Number.isNaN(bound)) entry.byBound.set(bound, (entry.byBound.get(bound) ?? 0) + increase);
}

/** Sums what two readings of one arm counted. */
export function mergeCounts(into: Counts, from: Counts): void {
  for (const [id, entry] of from) {
    const known = into.get(id);
    if (known === undefined) {
      into.set(id, { sum: entry.sum, byBound: new Map(entry.byBound), pods: new Set(entry.pods) });
      continue;
    }
    known.sum += entry.sum;
    for (const pod of entry.pods) known.pods.add(pod);
    for (const [bound, n] of entry.byBound) known.byBound.set(bound, (known.byBound.get(bound) ?? 0) + n);
  }
}

/** What one interval counted: `metrics` without targets in warm-up, `traffic` with them. */
export interface ArmCounts {
  metrics: Counts;
  traffic: Counts;
}

/** The part of a trace line that depends on the counts. @throws ActionError E_LE_NOT_FOUND, E_NOT_A_COUNTER */
export function assemble(
  config: CanaryConfig,
  arms: Pair<ArmCounts>,
): Pick<Interval, 'traffic' | 'metrics'> | { gap: Gap } {
  const present = { stable: arms.stable.traffic.size > 0, canary: arms.canary.traffic.size > 0 };
  if (!present.stable || !present.canary) {
    return { gap: present.stable ? 'canary-absent' : present.canary ? 'stable-absent' : 'both-absent' };
  }
  const metrics: Record<string, Pair<Arm | null>> = {};
  for (const source of config.sources) {
    metrics[source.name] = {
      stable: armOf(source, arms.stable.metrics, 'stable'),
      canary: armOf(source, arms.canary.metrics, 'canary'),
    };
  }
  const id = selectorText(config.traffic);
  const [stable, canary] = [arms.stable.traffic.get(id), arms.canary.traffic.get(id)];
  if (stable === undefined || canary === undefined) return { metrics };
  return { traffic: { stable: whole(stable.sum, id), canary: whole(canary.sum, id) }, metrics };
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
    const bounds = [...buckets.byBound.keys()].sort((a, b) => a - b);
    throw new ActionError('E_LE_NOT_FOUND', {
      what: `metric ${source.name}`,
      why: `the ${arm} version has no bucket le="${missing ?? '+Inf'}" of ${id}; it has ${bounds.join(', ') || 'none'}`,
      fix: 'Name bounds in le that both versions have',
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

function whole(value: number, id: string): number {
  const rounded = Math.round(value);
  if (Math.abs(value - rounded) <= 1e-6) return rounded;
  throw new ActionError('E_NOT_A_COUNTER', {
    what: `selector ${id}`,
    why: `its increase of ${value} is not a whole number`,
    fix: 'Select a counter of requests, not a gauge, a sum of seconds or a recorded rate',
  });
}
