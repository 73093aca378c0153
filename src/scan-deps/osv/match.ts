/** Does an advisory affect a version? OSV schema, "Evaluation", over the version order of the ecosystem. */
import type { Ecosystem, Match, OsvAffected, OsvRange, OsvRecord } from '../types.ts';
import { isWithin, nextFix, type Timeline, timeline } from '../version/events.ts';
import { judged, type Order, orderOf } from '../version/index.ts';
import { doubtOf, ownLimits } from './limits.ts';
import { normaliseName } from './names.ts';

export type Judgement = Match | 'clear' | 'unjudged';

/** The `affected` entries of this package; "Debian:12"-like suffixes of the ecosystem are cut. */
export function entriesOf(eco: Ecosystem, record: OsvRecord, key: string): OsvAffected[] {
  return (record.affected ?? []).filter(
    (entry) =>
      entry.package !== undefined &&
      entry.package.ecosystem.split(':', 1)[0] === eco &&
      normaliseName(eco, entry.package.name) === key,
  );
}

/**
 * @param key normalised name
 * @returns a match, `clear`, or `unjudged` when the version is in no order and the record has ranges
 */
export function affects(eco: Ecosystem, record: OsvRecord, key: string, version: string): Judgement {
  if (record.withdrawn !== undefined) return 'clear';
  const order = orderOf(eco);
  const own = judged(order, version);
  const source = publicOf(eco, version);
  let result: Judgement = 'clear';
  for (const entry of entriesOf(eco, record, key)) {
    let judgement = judgeEntry(order, entry, version, own);
    // What is affected is affected in every build of it, unless the advisory tells its builds apart.
    if (judgement === 'clear' && source !== undefined && !namesBuilds(entry))
      judgement = judgeEntry(order, entry, source, judged(order, source));
    if (judgement === 'clear' || (judgement === 'unjudged' && result !== 'clear')) continue;
    result = typeof judgement === 'object' && typeof result === 'object' ? higher(order, result, judgement) : judgement;
  }
  return result;
}

/**
 * The version that a local build of PyPI is built from (`2.10.0` of `2.10.0+cu128`); undefined for what is none. PEP 440 leaves
 * the local part out of `==` and `<=`, but orders it above its public version.
 */
export function publicOf(eco: Ecosystem, version: string): string | undefined {
  const at = eco === 'PyPI' ? version.indexOf('+') : -1;
  return at < 0 ? undefined : version.slice(0, at);
}

/** A GIT range is no version: it is skipped, and never ends the search (it often stands first). */
export function versionRanges(entry: OsvAffected): OsvRange[] {
  return (entry.ranges ?? []).filter((range) => range.type === 'SEMVER' || range.type === 'ECOSYSTEM');
}

const namesBuilds = (entry: OsvAffected): boolean =>
  [...(entry.versions ?? []), ...versionRanges(entry).flatMap(({ events }) => events.flatMap(Object.values))].some(
    (text) => String(text).includes('+'),
  );

function judgeEntry(order: Order, entry: OsvAffected, version: string, own: unknown): Judgement {
  const ranges = versionRanges(entry);
  const listed = entry.versions ?? [];
  if (own === undefined) {
    if (listed.includes(version)) return { by: 'versions' };
    return ranges.length > 0 ? 'unjudged' : 'clear';
  }
  const limits = ownLimits(ranges, entry);
  const hit = judgeRanges(order, limits ?? ranges, own);
  if (typeof hit === 'object') return hit;
  if (isListed(order, listed, version, own)) {
    const hits = ranges.map(({ events }) => matchOf(order, timeline(order, events), own, 'versions'));
    return hits.reduce((a, b) => pick(order, a, b, -1), { by: 'versions' } as Match);
  }
  return limits === undefined ? hit : { by: 'range', doubt: doubtOf(limits, version) };
}

/** Two ranges of one entry: the smallest fix is enough. */
function judgeRanges(order: Order, ranges: readonly OsvRange[], own: unknown): Judgement {
  let result: Judgement = 'clear';
  for (const { events } of ranges) {
    const line = timeline(order, events);
    if (line === undefined) {
      if (result === 'clear') result = 'unjudged';
    } else if (isWithin(order, line, own)) {
      const hit = matchOf(order, line, own, 'range');
      result = typeof result === 'object' ? pick(order, result, hit, -1) : hit;
    }
  }
  return result;
}

function isListed(order: Order, listed: readonly string[], version: string, own: unknown): boolean {
  if (listed.includes(version)) return true;
  return listed.some((text) => {
    const other = judged(order, text);
    return other !== undefined && order.compare(own, other) === 0;
  });
}

function matchOf(order: Order, line: Timeline | undefined, own: unknown, by: Match['by']): Match {
  const fixed = line === undefined ? undefined : nextFix(order, line, own);
  return fixed === undefined ? { by } : { by, fixed };
}

function pick(order: Order, a: Match, b: Match, want: 1 | -1): Match {
  if (a.fixed === undefined || b.fixed === undefined) {
    const none = want === 1;
    const keep = a.fixed === undefined ? a : b;
    const other = a.fixed === undefined ? b : a;
    return none ? keep : other;
  }
  const [x, y] = [order.parse(a.fixed), order.parse(b.fixed)];
  return x !== undefined && y !== undefined && order.compare(x, y) === want ? a : b;
}

/**
 * Two entries or records: what one of them is sure of is not in doubt. Only the larger fix clears both; there is none
 * when one has none.
 */
export function higher(order: Order, a: Match, b: Match): Match {
  if ((a.doubt === undefined) !== (b.doubt === undefined)) return a.doubt === undefined ? a : b;
  return pick(order, a, b, 1);
}
