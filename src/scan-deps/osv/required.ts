/** A requirement without one version against the advisories of its package. Pure. */
import type { Dep, Ecosystem, FreshInstall, OsvAffected, OsvRecord } from '../types.ts';
import { judged, orderOf } from '../version/index.ts';
import {
  freshInstall,
  fromAffected,
  fromSpec,
  type IntervalSet,
  isEmpty,
  rangeVerdict,
  safeFloor,
  union,
} from '../version/intervals.ts';
import { isFloor, raised } from '../version/specifier.ts';
import { groupAliases } from './groups.ts';
import { entriesOf } from './match.ts';

export interface RangeHit {
  group: OsvRecord[];
  verdict: 'certain' | 'possible';
  /** From here on no version that is allowed is affected by this group. */
  fixed?: string;
  freshInstall: FreshInstall;
  /** The nearest specifier that no advisory of the package touches; else the nearest that this group does not. */
  safeRange?: string;
}

/**
 * @param dep without `version`; a range that cannot be read allows anything, and is only possibly affected
 * @param records all that the source knows about the package, withdrawn ones too
 * @returns one hit a vulnerability that touches the range, in the order of the groups
 */
export function judgeRange(dep: Pick<Dep, 'eco' | 'key' | 'range'>, records: readonly OsvRecord[]): RangeHit[] {
  const { eco, key, range = '' } = dep;
  const allowed = fromSpec(eco, range) ?? { eco, list: [{}], unsure: true };
  const live = records.filter((record) => record.withdrawn === undefined && entriesOf(eco, record, key).length > 0);
  const read = readOnce(eco);
  const groups = groupAliases(live).map((group) => {
    const entries = group.flatMap((record) => entriesOf(eco, record, key));
    return { group, affected: fromAffected(eco, entries, read), fixes: fixesOf(entries) };
  });
  const all = union(
    eco,
    groups.map(({ affected }) => affected),
  );
  const readable: IntervalSet = { ...allowed };
  delete readable.unsure;
  const writable = (fixes: string[]): string[] => fixes.filter((fix) => isFloor(eco, fix));
  const floorOfAll = safeFloor(readable, all, writable(groups.flatMap(({ fixes }) => fixes)));
  return groups.flatMap(({ group, affected, fixes }): RangeHit[] => {
    const verdict = rangeVerdict(allowed, affected);
    if (verdict === 'clear' || (isEmpty(affected) && !affected.unsure)) return [];
    const fixed = safeFloor(readable, affected, fixes);
    const floor = floorOfAll ?? safeFloor(readable, affected, writable(fixes));
    return [
      {
        group,
        verdict,
        ...(fixed === undefined ? {} : { fixed }),
        freshInstall: allowed.unsure ? 'unknown' : freshInstall(allowed, affected, fixed),
        ...(floor === undefined ? {} : { safeRange: raised(eco, allowed.unsure ? '' : range, floor) }),
      },
    ];
  });
}

// The records of one package list the same versions again and again.
function readOnce(eco: Ecosystem): (version: string) => unknown {
  const known = new Map<string, unknown>();
  return (version) => {
    if (!known.has(version)) known.set(version, judged(orderOf(eco), version));
    return known.get(version);
  };
}

function fixesOf(entries: readonly OsvAffected[]): string[] {
  const events = entries.flatMap((entry) => (entry.ranges ?? []).filter(({ type }) => type !== 'GIT'));
  return events.flatMap((range) => range.events.flatMap(({ fixed }) => fixed ?? []));
}
