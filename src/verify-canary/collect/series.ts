/** From raw samples of counters to their increase between boundaries. */

/** (unix seconds, value), oldest first. */
export type Point = readonly [at: number, value: number];

/** The last sample at or before the time: its index, -1 without one. */
export function indexAt(points: readonly Point[], at: number): number {
  return newest(points.length, (i) => points[i]?.[0] ?? 0, at);
}

/** The same of times alone. */
export function indexOf(times: readonly number[], at: number): number {
  return newest(times.length, (i) => times[i] ?? 0, at);
}

function newest(length: number, timeOf: (i: number) => number, at: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(middle) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** How far back a sample still stands for the present (Prometheus' own lookback). */
export const LOOKBACK = 300;

export interface Born {
  /** Samples that stand for `from` are younger than that. Default: by the lookback. */
  base?: number;
  /** Samples that stand for `to` are younger than that. Default: by the lookback. */
  end?: number;
  /** The series counts from 0 when no sample stands for `from`. */
  fromZero: boolean;
  /** True when the process restarted between the two sample times: the later value then counts in full. */
  restarted(before: number, after: number): boolean;
}

/**
 * Increase within (from, to]: over consecutive samples v < previous ? v : v - previous.
 * @returns null when the series has no sample that stands for `to`
 */
export function increase(points: readonly Point[], from: number, to: number, born: Born): number | null {
  const end = indexAt(points, to);
  const last = points[end];
  if (last === undefined || last[0] <= (born.end ?? to - LOOKBACK)) return null;
  let i = indexAt(points, from);
  let before = points[i];
  if (before === undefined || before[0] <= (born.base ?? from - LOOKBACK)) {
    // No sample stands for `from`: the series is new, or its pod is.
    i += 1;
    before = born.fromZero ? [from, 0] : points[i];
    if (!born.fromZero) i += 1;
  } else i += 1;
  let sum = 0;
  for (; i <= end; i += 1) {
    const point = points[i];
    if (point === undefined || before === undefined) break;
    const reset = point[1] < before[1] || born.restarted(before[0], point[0]);
    sum += reset ? point[1] : point[1] - before[1];
    before = point;
  }
  return sum;
}
