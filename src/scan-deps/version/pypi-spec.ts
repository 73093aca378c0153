/**
 * Version specifiers of PEP 440 as intervals, with pre-releases allowed: whether pip takes one depends on what else there
 * is. https://packaging.python.org/specifications/version-specifiers/
 * Older installers leave out a little more: all pre- and post-releases of the release that V belongs to.
 */

import type { Order } from './order.ts';
import { type Pep440, parsePep440, positionOf, pypiOrder } from './pypi.ts';
import {
  after,
  before,
  type Cut,
  complement,
  EVERYTHING,
  type Interval,
  intersection,
  normalised,
  point,
} from './sets.ts';

const CLAUSE = /^(===|==|~=|!=|<=|>=|<|>)\s*(\S{1,256})$/;
const MAX_CLAUSES = 100;

const order = pypiOrder as Order;

export interface Clause {
  operator: string;
  version: string;
}

/** @returns undefined when it is no list of specifiers; empty when everything is allowed */
export function parseClauses(specifiers: string): Clause[] | undefined {
  const pieces = specifiers.split(',', MAX_CLAUSES + 1).map((piece) => piece.trim());
  if (pieces.length > MAX_CLAUSES) return undefined;
  const clauses: Clause[] = [];
  for (const piece of pieces) {
    if (piece === '') continue;
    const match = CLAUSE.exec(piece);
    if (match === null) return undefined;
    clauses.push({ operator: match[1] ?? '', version: match[2] ?? '' });
  }
  return clauses;
}

/** @returns undefined when one of the clauses cannot be judged */
export function pypiIntervals(specifiers: string): Interval[] | undefined {
  let result: Interval[] = [EVERYTHING];
  const clauses = parseClauses(specifiers);
  if (clauses === undefined) return undefined;
  for (const clause of clauses) {
    const allowed = intervalsOf(clause);
    if (allowed === undefined) return undefined;
    result = intersection(order, result, normalised(order, allowed));
  }
  return result;
}

function intervalsOf({ operator, version }: Clause): Interval[] | undefined {
  if (operator === '===') {
    const at = pypiOrder.parse(version);
    return at === undefined ? undefined : [point(at)];
  }
  const prefix = version.endsWith('.*');
  if (prefix && operator !== '==' && operator !== '!=') return undefined;
  const v = parsePep440(prefix ? version.slice(0, -2) : version);
  if (v === undefined) return undefined;
  if (prefix && (v.pre !== null || v.post !== null || v.dev !== null || v.local !== null)) return undefined;
  if (operator === '==') return [prefix ? series(v) : equal(v)];
  if (operator === '!=') return complement([prefix ? series(v) : equal(v)]);
  if (v.local !== null) return undefined;
  switch (operator) {
    case '>=':
      return [{ from: before(positionOf(v)) }];
    case '<=':
      return [{ to: behindLocals(v) }];
    case '<':
      return [below(v)];
    case '>':
      return [above(v)];
    default:
      return compatible(v);
  }
}

/** A local part of the candidate does not count unless the clause names one. */
function equal(v: Pep440): Interval {
  return v.local === null ? { from: before(positionOf(v)), to: behindLocals(v) } : point(positionOf(v));
}

/** `V.*`: from V.dev0 to below the dev0 of the next. */
function series(v: Pep440): Interval {
  const next = v.release.map((n, i) => (i === v.release.length - 1 ? n + 1 : n));
  return { from: first(v), to: first({ ...v, release: next }) };
}

function compatible(v: Pep440): Interval[] | undefined {
  if (v.release.length < 2) return undefined;
  const family = series({ ...base(v), release: v.release.slice(0, -1) });
  return intersection(order, [{ from: before(positionOf(v)) }], [family]);
}

/** Pre-releases of V are not below V, unless V is one itself. */
function below(v: Pep440): Interval {
  const preRelease = v.pre !== null || v.dev !== null;
  return { to: before(positionOf(preRelease ? v : { ...v, dev: ['dev', 0] })) };
}

/** Post-releases and local versions of V are not above V, unless V is a post-release itself. A dev-release has none. */
function above(v: Pep440): Interval {
  return { from: v.post === null && v.dev === null ? behindPosts(v) : behindLocals(v) };
}

const base = (v: Pep440): Pep440 => ({
  epoch: v.epoch,
  release: v.release,
  pre: null,
  post: null,
  dev: null,
  local: null,
});
const first = (v: Pep440): Cut => before(positionOf({ ...base(v), dev: ['dev', 0] }));
const behindLocals = (v: Pep440): Cut => after(positionOf({ ...v, local: [Number.POSITIVE_INFINITY] }));
const behindPosts = (v: Pep440): Cut => behindLocals({ ...v, post: ['post', Number.POSITIVE_INFINITY], dev: null });
