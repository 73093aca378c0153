/** Does an advisory affect a version? OSV schema, "Evaluation", over the version order of the ecosystem. */
import type { Ecosystem, Match, OsvAffected, OsvEvent, OsvRecord } from '../types.ts';
import { type Order, orderOf } from '../version/index.ts';
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
  const own = order.parse(version);
  let result: Judgement = 'clear';
  for (const entry of entriesOf(eco, record, key)) {
    const judged = judgeEntry(order, entry, version, own);
    if (judged === 'clear' || (judged === 'unjudged' && result !== 'clear')) continue;
    result = typeof judged === 'object' && typeof result === 'object' ? higher(order, result, judged) : judged;
  }
  return result;
}

/** Does a live record name this package with anything to match at all? For requirements without one version. */
export function isAboutPackage(eco: Ecosystem, record: OsvRecord, key: string): boolean {
  if (record.withdrawn !== undefined) return false;
  return entriesOf(eco, record, key).some((e) => relevant(e).length > 0 || (e.versions ?? []).length > 0);
}

function relevant(entry: OsvAffected): { events: OsvEvent[] }[] {
  // A GIT range is no version: it is skipped, and never ends the search (it often stands first).
  return (entry.ranges ?? []).filter((range) => range.type === 'SEMVER' || range.type === 'ECOSYSTEM');
}

function judgeEntry(order: Order, entry: OsvAffected, version: string, own: unknown): Judgement {
  const ranges = relevant(entry);
  const listed = entry.versions ?? [];
  if (own === undefined) {
    if (listed.includes(version)) return { by: 'versions' };
    return ranges.length > 0 ? 'unjudged' : 'clear';
  }
  let match: Match | undefined;
  for (const range of ranges) {
    const hit = judgeRange(order, range.events, own);
    if (hit === 'unjudged') return 'unjudged';
    if (hit !== 'clear') match = match === undefined ? hit : lower(order, match, hit);
  }
  if (match !== undefined) return match;
  const equal = listed.some((text) => {
    if (text === version) return true;
    const other = order.parse(text);
    return other !== undefined && order.compare(own, other) === 0;
  });
  if (!equal) return 'clear';
  const fixed = smallestFix(
    order,
    ranges.flatMap((range) => range.events),
    own,
  );
  return fixed === undefined ? { by: 'versions' } : { by: 'versions', fixed };
}

interface Step {
  at: unknown;
  kind: 'introduced' | 'fixed' | 'last_affected';
}

function judgeRange(order: Order, events: readonly OsvEvent[], own: unknown): Judgement {
  const steps: Step[] = [];
  const limits: unknown[] = [];
  let fromStart = false;
  for (const event of events) {
    for (const kind of ['introduced', 'fixed', 'last_affected', 'limit'] as const) {
      const text = event[kind];
      if (text === undefined) continue;
      if (kind === 'introduced' && text === '0') {
        fromStart = true;
        continue;
      }
      if (kind === 'limit' && text === '*') continue;
      const at = order.parse(text);
      if (at === undefined) return 'unjudged';
      if (kind === 'limit') limits.push(at);
      else steps.push({ at, kind });
    }
  }
  if (limits.length > 0 && !limits.some((limit) => order.compare(own, limit) < 0)) return 'clear';
  // Stable: events at one version keep their listed order, so "introduced x, fixed x" ends in fixed.
  steps.sort((a, b) => order.compare(a.at, b.at));
  let affected = fromStart;
  for (const { at, kind } of steps) {
    const side = order.compare(at, own);
    if (kind === 'introduced' ? side <= 0 : false) affected = true;
    else if (kind === 'fixed' && side <= 0) affected = false;
    else if (kind === 'last_affected' && side < 0) affected = false;
  }
  if (!affected) return 'clear';
  const fixed = smallestFix(order, events, own);
  return fixed === undefined ? { by: 'range' } : { by: 'range', fixed };
}

function smallestFix(order: Order, events: readonly OsvEvent[], own: unknown): string | undefined {
  let best: { text: string; at: unknown } | undefined;
  for (const { fixed } of events) {
    const at = fixed === undefined ? undefined : order.parse(fixed);
    if (fixed === undefined || at === undefined || order.compare(at, own) <= 0) continue;
    if (best === undefined || order.compare(at, best.at) < 0) best = { text: fixed, at };
  }
  return best?.text;
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

/** Two ranges of one entry: the smallest fix is enough. */
const lower = (order: Order, a: Match, b: Match): Match => pick(order, a, b, -1);
/** Two entries or records: only the larger fix clears both; none when one has none. */
export const higher = (order: Order, a: Match, b: Match): Match => pick(order, a, b, 1);
