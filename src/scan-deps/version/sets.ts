/** Sets of versions: sorted, disjoint intervals over the order of one ecosystem. */
import type { Ecosystem } from '../types.ts';
import { type Order, orderOf } from './index.ts';
import { isPreRelease, nextRelease, type SemanticVersion } from './semver.ts';

/** A place between versions: just before (-1) or just after (1) one of them. */
export interface Cut {
  at: unknown;
  side: -1 | 1;
}

/** No `from`: from below every version; no `to`: to above every version. */
export interface Interval {
  from?: Cut;
  to?: Cut;
}

export interface IntervalSet {
  eco: Ecosystem;
  list: readonly Interval[];
  /**
   * npm only: a range admits pre-releases of the versions it names itself, and no others. With this list, `list` speaks of
   * releases alone and this one of pre-releases. Without it, `list` speaks of both.
   */
  pre?: readonly Interval[];
  /** Something in it could not be read: nothing certain follows from it. */
  unsure?: true;
}

export const before = (at: unknown): Cut => ({ at, side: -1 });
export const after = (at: unknown): Cut => ({ at, side: 1 });
export const point = (at: unknown): Interval => ({ from: before(at), to: after(at) });
export const EVERYTHING: Interval = {};

function compareCuts(order: Order, a: Cut, b: Cut): number {
  return order.compare(a.at, b.at) || a.side - b.side;
}

/** @returns the same versions as sorted intervals that neither touch nor overlap */
export function normalised(order: Order, intervals: readonly Interval[]): Interval[] {
  const filled = intervals.filter(({ from, to }) => !from || !to || compareCuts(order, from, to) < 0);
  filled.sort((a, b) => (a.from && b.from ? compareCuts(order, a.from, b.from) : Number(!!a.from) - Number(!!b.from)));
  const result: Interval[] = [];
  for (const next of filled) {
    const last = result.at(-1);
    if (last === undefined) result.push(next);
    else if (last.to === undefined) break;
    else if (next.from !== undefined && compareCuts(order, last.to, next.from) < 0) result.push(next);
    else if (next.to === undefined || compareCuts(order, last.to, next.to) < 0) {
      result[result.length - 1] = spanOf(last.from, next.to);
    }
  }
  return result;
}

export function complement(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  let from: Cut | undefined;
  for (const [i, interval] of intervals.entries()) {
    if (i > 0 || interval.from !== undefined) result.push(spanOf(from, interval.from));
    if (interval.to === undefined) return result;
    from = interval.to;
  }
  return [...result, spanOf(from, undefined)];
}

export function intersection(order: Order, a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i] ?? {}, b[j] ?? {}];
    const xEndsFirst = x.to !== undefined && (y.to === undefined || compareCuts(order, x.to, y.to) < 0);
    const from = !x.from ? y.from : !y.from ? x.from : compareCuts(order, x.from, y.from) < 0 ? y.from : x.from;
    const to = xEndsFirst ? x.to : y.to;
    if (!from || !to || compareCuts(order, from, to) < 0) result.push(spanOf(from, to));
    if (xEndsFirst) i += 1;
    else j += 1;
  }
  return result;
}

/** @param b without an own list of pre-releases, or from the same kind of range */
export function intersect(a: IntervalSet, b: IntervalSet): IntervalSet {
  const order = orderOf(a.eco);
  const list = intersection(order, a.list, b.list);
  const pre = a.pre || b.pre ? { pre: intersection(order, a.pre ?? a.list, b.pre ?? b.list) } : {};
  return { eco: a.eco, list, ...pre, ...(a.unsure || b.unsure ? { unsure: true } : {}) };
}

/** @param sets of one ecosystem, without own lists of pre-releases */
export function union(eco: Ecosystem, sets: readonly IntervalSet[]): IntervalSet {
  const list = normalised(
    orderOf(eco),
    sets.flatMap((set) => set.list),
  );
  return { eco, list, ...(sets.some((set) => set.unsure) ? { unsure: true } : {}) };
}

/** Does it hold no version at all? */
export function isEmpty({ eco, list, pre }: IntervalSet): boolean {
  if (pre === undefined) return list.length === 0;
  return pre.length === 0 && !list.some((interval) => holdsRelease(orderOf(eco), interval));
}

/** Every version of `a` is in `b`. @param b without an own list of pre-releases */
export function subset(a: IntervalSet, b: IntervalSet): boolean {
  return isEmpty(intersect(a, { eco: b.eco, list: complement(b.list) }));
}

/** The same intervals of the same kind. Two ranges that differ only in versions that cannot exist may still differ here. */
export function sameVersions(a: IntervalSet, b: IntervalSet): boolean {
  const order = orderOf(a.eco);
  return sameIntervals(order, a.list, b.list) && sameIntervals(order, a.pre ?? a.list, b.pre ?? b.list);
}

function sameIntervals(order: Order, a: readonly Interval[], b: readonly Interval[]): boolean {
  const same = (x: Cut | undefined, y: Cut | undefined): boolean =>
    x === undefined || y === undefined ? x === y : compareCuts(order, x, y) === 0;
  return a.length === b.length && a.every((x, i) => same(x.from, b[i]?.from) && same(x.to, b[i]?.to));
}

/** @param version as `orderOf(set.eco).parse` gave it */
export function contains({ eco, list, pre }: IntervalSet, version: unknown): boolean {
  const order = orderOf(eco);
  const those = pre !== undefined && isPreRelease(version as SemanticVersion) ? pre : list;
  return intersection(order, those, [point(version)]).length > 0;
}

// A gap between the pre-releases of one version (from 2.0.0-rc.1 to below 2.0.0) holds no release.
function holdsRelease(order: Order, { from, to }: Interval): boolean {
  if (to === undefined) return true;
  const first = nextRelease(from?.at as SemanticVersion | undefined, from?.side === 1);
  return compareCuts(order, before(first), to) < 0;
}

function spanOf(from: Cut | undefined, to: Cut | undefined): Interval {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}
