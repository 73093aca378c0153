import type { OsvRecord } from '../types.ts';

/**
 * Records about one vulnerability, joined over id and aliases (a PYSEC and a GHSA often meet only in the CVE).
 * Groups and the records in them are sorted, so that the order of the answer does not matter.
 */
export function groupAliases(records: readonly OsvRecord[]): OsvRecord[][] {
  const parent = new Map<string, string>();
  const find = (id: string): string => {
    let root = id;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    for (let at = id; at !== root; ) {
      const up = parent.get(at) ?? root;
      parent.set(at, root);
      at = up;
    }
    return root;
  };
  for (const record of records) {
    if (!parent.has(record.id)) parent.set(record.id, record.id);
    for (const alias of record.aliases ?? []) {
      if (!parent.has(alias)) parent.set(alias, alias);
      parent.set(find(alias), find(record.id));
    }
  }
  const groups = new Map<string, Map<string, OsvRecord>>();
  for (const record of records) {
    const root = find(record.id);
    const group = groups.get(root) ?? new Map<string, OsvRecord>();
    groups.set(root, group.set(record.id, record));
  }
  return [...groups.values()]
    .map((group) => [...group.values()].sort((a, b) => compareText(a.id, b.id)))
    .sort((a, b) => compareText(a[0]?.id ?? '', b[0]?.id ?? ''));
}

/** All ids of a group, sorted. */
export function idsOf(group: readonly OsvRecord[]): string[] {
  return [...new Set(group.flatMap((record) => [record.id, ...(record.aliases ?? [])]))].sort(compareText);
}

/** The id a finding is called by: smallest CVE, else GHSA, else the record's own. */
export function primaryId(group: readonly OsvRecord[]): string {
  const ids = idsOf(group);
  return (
    ids.filter((id) => /^CVE-\d{4}-\d+$/.test(id)).sort(compareCve)[0] ??
    ids.find((id) => id.startsWith('GHSA-')) ??
    group[0]?.id ??
    ''
  );
}

function compareCve(a: string, b: string): number {
  const [, ya, na] = a.split('-').map(Number);
  const [, yb, nb] = b.split('-').map(Number);
  return (ya ?? 0) - (yb ?? 0) || (na ?? 0) - (nb ?? 0);
}

/** By code unit: the same on every machine, whatever its locale. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
