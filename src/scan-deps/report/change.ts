/** The least that ends most of the blocking findings: by what is asked for directly, since that is what can be changed. */
import { compareText } from '../osv/groups.ts';
import type { Finding } from '../types.ts';
import { orderOf } from '../version/index.ts';

export interface Change {
  /** The direct dependency that is in the way of all of them. */
  root: string;
  /** The package to be raised: the root itself, or what it brings in. */
  package: string;
  /** Clears every finding counted in `clears`. */
  to: string;
  clears: number;
  /** Blocking findings of this package by this way, also those that no version fixes. */
  of: number;
}

/** @param findings of any state; only what blocks is counted @returns the change that clears most first */
export function smallestChanges(findings: readonly Finding[]): Change[] {
  const groups = new Map<string, Finding[]>();
  for (const f of findings) {
    if (f.state !== 'block') continue;
    const id = JSON.stringify([f.way[0] ?? f.package, f.eco, f.key]);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [f]);
    else group.push(f);
  }
  return [...groups.values()]
    .flatMap((group) => changeOf(group) ?? [])
    .sort((a, b) => b.clears - a.clears || compareText(a.root, b.root) || compareText(a.package, b.package));
}

function changeOf(group: readonly Finding[]): Change | undefined {
  const [first] = group;
  const fixes = group.flatMap((f) => f.safeRange ?? f.fixed ?? []);
  if (first === undefined || fixes.length === 0) return undefined;
  const to = fixes.reduce((a, b) => (isAbove(first, b, a) ? b : a));
  return { root: first.way[0] ?? first.package, package: first.package, to, clears: fixes.length, of: group.length };
}

/** A specifier is in no order: the first one stands. */
function isAbove({ eco }: Finding, a: string, b: string): boolean {
  const order = orderOf(eco);
  const [x, y] = [order.parse(a), order.parse(b)];
  return x !== undefined && (y === undefined || order.compare(x, y) > 0);
}
