/** The part of an advisory that judging one package needs. Archive and index keep the same part, so that both find the same. */
import type { Ecosystem, OsvAffected, OsvRecord } from '../types.ts';
import { isWithin, timeline } from '../version/events.ts';
import { judged, type Order, orderOf } from '../version/index.ts';
import { ownLimits } from './limits.ts';
import { entriesOf, versionRanges } from './match.ts';

/** As much of a summary as a finding shows. */
const MAX_TEXT = 500;
/** Versions remembered: the same texts come back in thousands of records. */
const MAX_KNOWN = 200_000;

export type Judge = (version: string) => unknown;

/** @returns the order's own `judged`, with a memory */
export function rememberingJudge(order: Order): Judge {
  const known = new Map<string, unknown>();
  return (version) => {
    if (known.has(version)) return known.get(version);
    if (known.size >= MAX_KNOWN) known.clear();
    const parsed = judged(order, version);
    known.set(version, parsed);
    return parsed;
  };
}

/** @param key normalised name; entries of other packages, GIT ranges and what is only told are left out */
export function sliceOf(record: OsvRecord, eco: Ecosystem, key: string, judge: Judge): OsvRecord {
  const { id, aliases, severity, database_specific: more } = record;
  const summary = record.summary?.slice(0, MAX_TEXT) ?? '';
  const words = pick(more, ['severity', 'cwe_ids']);
  return {
    id,
    ...(aliases === undefined ? {} : { aliases }),
    ...(summary === '' ? {} : { summary }),
    // Shown only when no record of the group has a summary.
    ...(summary === '' && record.details !== undefined ? { details: record.details.slice(0, MAX_TEXT) } : {}),
    ...(severity === undefined ? {} : { severity }),
    affected: entriesOf(eco, record, key).map((entry) => entryOf(orderOf(eco), entry, judge)),
    ...(words === undefined ? {} : { database_specific: words }),
  };
}

function entryOf(order: Order, entry: OsvAffected, judge: Judge): OsvAffected {
  const { package: about, severity, ecosystem_specific: limits } = entry;
  const ranges = versionRanges(entry).map(({ type, events }) => ({ type, events }));
  const versions = versionsBeyond(order, entry, judge);
  const words = pick(entry.database_specific, ['informational']);
  return {
    ...(about === undefined ? {} : { package: about }),
    ...(severity === undefined || severity === null ? {} : { severity }),
    ...(ranges.length === 0 ? {} : { ranges }),
    ...(versions.length === 0 ? {} : { versions }),
    ...(limits?.custom_ranges ? { ecosystem_specific: { custom_ranges: limits.custom_ranges } } : {}),
    ...(words === undefined ? {} : { database_specific: words }),
  };
}

/** Listed versions that no range of the entry implies. One that is in no order is kept: it is compared as text. */
function versionsBeyond(order: Order, entry: OsvAffected, judge: Judge): string[] {
  const listed = entry.versions ?? [];
  const ranges = versionRanges(entry);
  if (listed.length === 0 || ranges.length === 0 || ownLimits(ranges, entry) !== undefined) return listed;
  const lines = ranges.flatMap(({ events }) => timeline(order, events) ?? []);
  return listed.filter((text) => {
    const own = judge(text);
    return own === undefined || !lines.some((line) => isWithin(order, line, own));
  });
}

function pick(all: Record<string, unknown> | null | undefined, keys: string[]): Record<string, unknown> | undefined {
  const found = keys.filter((key) => all?.[key] !== undefined).map((key) => [key, all?.[key]] as const);
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
