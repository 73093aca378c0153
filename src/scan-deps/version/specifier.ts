/** The same requirement without the versions below a floor, as its author would write it. */
import type { Ecosystem } from '../types.ts';
import { allows, fromSpec, fromVersionOn, isEmpty } from './intervals.ts';
import { type Clause, parseClauses } from './pypi-spec.ts';
import { type IntervalSet, sameVersions } from './sets.ts';

/**
 * @param range as it stands in the manifest
 * @param floor the lowest version that may stay
 * @returns the new specifier, ready to paste; when the floor is not allowed today, one that leaves today's range
 */
export function raised(eco: Ecosystem, range: string, floor: string): string {
  const allowed = fromSpec(eco, range);
  const wanted = allowed === undefined || !allows(allowed, floor) ? undefined : fromVersionOn(allowed, floor);
  const plain = eco === 'npm' ? `^${floor}` : `>=${floor}`;
  if (wanted === undefined) return plain;
  const candidates = eco === 'npm' ? npmForms(range, floor) : eco === 'PyPI' ? pypiForms(range, floor) : [];
  return candidates.find((text) => isExactly(eco, text, wanted)) ?? plain;
}

function isExactly(eco: Ecosystem, text: string, wanted: IntervalSet): boolean {
  const set = fromSpec(eco, text);
  return set !== undefined && sameVersions(set, wanted);
}

/** Shortest first; the last one is always right. */
function npmForms(range: string, floor: string): string[] {
  const uppers = range.match(/<=?\s*[^\s|]+/g) ?? [];
  const parts = range.split('||').map((part) => `${part.trim()} >=${floor}`.trim());
  const filled = parts.filter((part) => {
    const set = fromSpec('npm', part);
    return set !== undefined && !isEmpty(set);
  });
  return [`^${floor}`, `~${floor}`, `>=${floor}`, `>=${floor} ${uppers.join(' ')}`, filled.join(' || ')];
}

function pypiForms(range: string, floor: string): string[] {
  const clauses = parseClauses(range) ?? [];
  const text = (those: readonly Clause[]): string =>
    [`>=${floor}`, ...those.map((c) => c.operator + c.version)].join(',');
  const upper = clauses.filter((c) => c.operator !== '>=' && c.operator !== '>');
  const compatible = clauses.length === 1 && clauses[0]?.operator === '~=' ? clauses[0].version.split('.').length : 0;
  return [
    ...(compatible > 0 ? [`~=${floor.split('.').slice(0, compatible).join('.')}`] : []),
    text(upper.filter((c) => c.operator !== '!=')),
    text(upper),
    text(clauses),
  ];
}
