/** What a requirement allows and what advisories affect, as sets of versions, and what follows from the two. */
import type { Ecosystem, FreshInstall, OsvAffected } from '../types.ts';
import { comparatorIntervals } from './comparators.ts';
import { type Timeline, timeline } from './events.ts';
import { judged, type Order, orderOf } from './index.ts';
import { npmIntervals } from './npm-spec.ts';
import { pypiIntervals } from './pypi-spec.ts';
import {
  after,
  before,
  type Cut,
  contains,
  type Interval,
  type IntervalSet,
  intersect,
  intersection,
  isEmpty,
  normalised,
  point,
  subset,
} from './sets.ts';

export { contains, type IntervalSet, intersect, isEmpty, subset, union } from './sets.ts';

/** @returns the versions that a requirement allows; undefined when it cannot be read. An empty text allows everything. */
export function fromSpec(eco: Ecosystem, range: string): IntervalSet | undefined {
  if (eco === 'npm') {
    const sets = npmIntervals(range);
    return sets === undefined ? undefined : { eco, ...sets };
  }
  const list = eco === 'PyPI' ? pypiIntervals(range) : comparatorIntervals(eco, range);
  return list === undefined ? undefined : { eco, list };
}

/**
 * @param affected the entries of one package; ranges count, and every version that is listed is a point
 * @param read how a listed version is read, for callers that meet the same ones in many records
 */
export function fromAffected(
  eco: Ecosystem,
  affected: readonly OsvAffected[],
  read: (version: string) => unknown = (version) => judged(orderOf(eco), version),
): IntervalSet {
  const order = orderOf(eco);
  const list: Interval[] = [];
  let unsure = false;
  for (const entry of affected) {
    // Limits outside the ranges are no versions of this order.
    if (entry.ecosystem_specific?.custom_ranges?.length) unsure = true;
    for (const range of entry.ranges ?? []) {
      if (range.type !== 'SEMVER' && range.type !== 'ECOSYSTEM') continue;
      const line = timeline(order, range.events);
      if (line === undefined) unsure = true;
      else list.push(...intervalsOf(order, line));
    }
    for (const text of entry.versions ?? []) {
      const at = read(text);
      if (at !== undefined) list.push(point(at));
    }
  }
  return { eco, list: normalised(order, list), ...(unsure ? { unsure } : {}) };
}

function intervalsOf(order: Order, { fromStart, steps, limits }: Timeline): Interval[] {
  const result: Interval[] = [];
  let affected = fromStart;
  let last: Cut | undefined;
  for (const [i, { at }] of steps.entries()) {
    const previous = steps[i - 1];
    if (previous !== undefined && order.compare(previous.at, at) === 0) continue;
    if (affected) result.push({ ...(last === undefined ? {} : { from: last }), to: before(at) });
    // The version itself, and what lies above it, differ in `last_affected` alone.
    let itself = affected;
    for (const step of steps.slice(i)) {
      if (order.compare(step.at, at) !== 0) break;
      affected = step.kind === 'introduced';
      if (step.kind !== 'last_affected') itself = affected;
    }
    if (itself) result.push(point(at));
    last = after(at);
  }
  if (affected) result.push(last === undefined ? {} : { from: last });
  if (limits.length === 0) return result;
  const below = limits.map((limit): Interval => ({ to: before(limit) }));
  return intersection(order, normalised(order, result), normalised(order, below));
}

/** `certain`: whatever is installed is affected; `clear`: nothing that may be installed is. */
export function rangeVerdict(allowed: IntervalSet, affected: IntervalSet): 'certain' | 'possible' | 'clear' {
  if (affected.unsure || allowed.unsure) return 'possible';
  if (isEmpty(intersect(allowed, affected))) return 'clear';
  return subset(allowed, affected) ? 'certain' : 'possible';
}

/** @returns what is allowed from this version on */
export function fromVersionOn(allowed: IntervalSet, version: string): IntervalSet | undefined {
  const at = orderOf(allowed.eco).parse(version);
  return at === undefined ? undefined : intersect(allowed, { eco: allowed.eco, list: [{ from: before(at) }] });
}

/** Is this version allowed? False too when it cannot be judged. */
export function allows(allowed: IntervalSet, version: string): boolean {
  const at = orderOf(allowed.eco).parse(version);
  return at !== undefined && contains(allowed, at);
}

/**
 * The smallest fixed version from which on nothing that is allowed is affected. When no allowed version is one, the smallest
 * from which on nothing at all is affected.
 * @param affected by all advisories of the package together
 * @param fixes versions that the advisories call fixed
 */
export function safeFloor(allowed: IntervalSet, affected: IntervalSet, fixes: readonly string[]): string | undefined {
  if (affected.unsure) return undefined;
  const order = orderOf(allowed.eco);
  const sorted = fixes
    .flatMap((text) => {
      const at = order.parse(text);
      return at === undefined ? [] : [{ text, at }];
    })
    .sort((a, b) => order.compare(a.at, b.at));
  const clearFrom = (set: IntervalSet, text: string): boolean => {
    const rest = fromVersionOn(set, text);
    return rest !== undefined && isEmpty(intersect(rest, affected));
  };
  const within = sorted.find(({ text, at }) => contains(allowed, at) && clearFrom(allowed, text));
  return (within ?? sorted.find(({ text }) => clearFrom({ eco: allowed.eco, list: [{}] }, text)))?.text;
}

/** Is the newest version that is allowed affected? Unknown when the versions at the upper end may not exist. */
export function freshInstall(allowed: IntervalSet, affected: IntervalSet, floor: string | undefined): FreshInstall {
  if (floor !== undefined && allows(allowed, floor)) return 'safe';
  const [last, hit] = [allowed.list.at(-1), intersect(allowed, affected).list.at(-1)];
  if (affected.unsure || last === undefined) return 'unknown';
  if (last.to === undefined) return hit !== undefined && hit.to === undefined ? 'affected' : 'safe';
  const order = orderOf(allowed.eco);
  const reaches = hit?.to !== undefined && order.compare(hit.to.at, last.to.at) === 0 && hit.to.side === last.to.side;
  return reaches ? 'affected' : 'unknown';
}
