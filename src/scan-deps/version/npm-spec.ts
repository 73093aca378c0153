/**
 * npm ranges, as node-semver reads them (`Range.set`). A pre-release is in a range only if one of the comparators beside it
 * names a pre-release of the same three numbers. https://github.com/npm/node-semver#prerelease-tags
 */
import Range from 'semver/classes/range.js';
import SemVer from 'semver/classes/semver.js';
import { npmOrder } from './npm.ts';
import type { Order } from './order.ts';
import { isPreRelease, parseSemantic, type SemanticVersion } from './semver.ts';
import { after, before, EVERYTHING, type Interval, intersection, normalised, point } from './sets.ts';

const MAX_RANGE = 2048;
/** A dist-tag may move to any version. */
const TAG = /^[A-Za-z][\w.-]{0,100}$/;
const order = npmOrder as Order;

/** @returns releases and pre-releases apart, or undefined when it is no range */
export function npmIntervals(range: string): { list: Interval[]; pre: Interval[] } | undefined {
  const text = range.trim();
  const parsed = text.length > MAX_RANGE ? undefined : rangeOf(text);
  if (parsed === undefined) return TAG.test(text) ? { list: [EVERYTHING], pre: [] } : undefined;
  const list: Interval[] = [];
  const pre: Interval[] = [];
  for (const comparators of parsed.set) {
    let allowed: Interval[] = [EVERYTHING];
    const named: Interval[] = [];
    for (const comparator of comparators) {
      // Any version at all: the library puts a symbol here.
      if (!(comparator.semver instanceof SemVer)) continue;
      const version = npmOrder.parse(comparator.semver.version);
      if (version === undefined) return undefined;
      allowed = intersection(order, allowed, [intervalOf(comparator.operator, version)]);
      if (isPreRelease(version)) named.push(preReleasesOf(version));
    }
    list.push(...allowed);
    pre.push(...intersection(order, allowed, normalised(order, named)));
  }
  return { list: normalised(order, list), pre: normalised(order, pre) };
}

/** The same range in plain comparators. */
export const canonicalRange = (range: string): string => rangeOf(range.trim())?.range ?? range;

function intervalOf(operator: string, version: SemanticVersion): Interval {
  switch (operator) {
    case '>':
      return { from: after(version) };
    case '>=':
      return { from: before(version) };
    case '<':
      return { to: before(version) };
    case '<=':
      return { to: after(version) };
    default:
      return point(version);
  }
}

function preReleasesOf({ numbers }: SemanticVersion): Interval {
  const release = numbers.join('.');
  return { from: before(parseSemantic(`${release}-0`)), to: before(parseSemantic(release)) };
}

function rangeOf(text: string): Range | undefined {
  try {
    return new Range(text);
  } catch {
    return undefined;
  }
}
