/** Plain comparators (`>=1.21`, `>=1.0, <2.0`, `1.2.3`), for ecosystems whose ranges come from no manifest of their own. */

import type { Ecosystem } from '../types.ts';
import { orderOf } from './index.ts';
import { after, before, complement, EVERYTHING, type Interval, intersection, point } from './sets.ts';

const COMPARATOR = /^(>=|<=|==|!=|=|>|<)?([^\s,<>=!]{1,256})$/;
const MAX_RANGE = 2048;

/** @returns undefined when it is no list of comparators, or a version in it cannot be judged */
export function comparatorIntervals(eco: Ecosystem, range: string): Interval[] | undefined {
  const order = orderOf(eco);
  let result: Interval[] = [EVERYTHING];
  if (range.length > MAX_RANGE) return undefined;
  for (const piece of range.replace(/([<>=!])\s+/g, '$1').split(/[\s,]+/)) {
    if (piece === '' || piece === '*') continue;
    const [, operator = '=', version = ''] = COMPARATOR.exec(piece) ?? [];
    const at = order.parse(version);
    if (at === undefined) return undefined;
    result = intersection(order, result, intervalsOf(operator, at));
  }
  return result;
}

function intervalsOf(operator: string, at: unknown): Interval[] {
  switch (operator) {
    case '>':
      return [{ from: after(at) }];
    case '>=':
      return [{ from: before(at) }];
    case '<':
      return [{ to: before(at) }];
    case '<=':
      return [{ to: after(at) }];
    case '!=':
      return complement([point(at)]);
    default:
      return [point(at)];
  }
}
