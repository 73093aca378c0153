/** What is new in a change: the same vulnerability of the same package in the same folder is not, whatever its version. Pure. */
import { folderOf } from '../discover/formats.ts';
import type { Finding } from '../types.ts';

/** The part of a finding of the base that is compared. */
export type Known = Pick<Finding, 'file' | 'eco' | 'key' | 'ids' | 'verdict' | 'scope' | 'constraintOnly'>;

/**
 * The version is no part of the key, so a bump that keeps a hole keeps it. But a hole gets no pass from one that weighed
 * less: affected for certain is new where it was only possible, and so is production where it was development.
 */
export function baselineOf(known: readonly Known[]): (finding: Known) => 'new' | 'existing' {
  const places = new Map<string, Known[]>();
  for (const one of known) {
    const key = keyOf(one);
    const list = places.get(key);
    if (list === undefined) places.set(key, [one]);
    else list.push(one);
  }
  return (finding) => {
    const same = places.get(keyOf(finding)) ?? [];
    return same.some((old) => !weighsLess(old, finding) && old.ids.some((id) => finding.ids.includes(id)))
      ? 'existing'
      : 'new';
  };
}

const keyOf = ({ file, eco, key }: Known): string => JSON.stringify([folderOf(file), eco, key]);

function weighsLess(old: Known, now: Known): boolean {
  return (
    (old.verdict === 'possible' && now.verdict === 'certain') ||
    (old.scope === 'dev' && now.scope !== 'dev') ||
    (old.constraintOnly && !now.constraintOnly)
  );
}
