/** The same requirement without the versions below a floor, as its author would write it. */
import type { Ecosystem } from '../types.ts';
import { allows, fromSpec, fromVersionOn, isEmpty } from './intervals.ts';
import { canonicalRange } from './npm-spec.ts';
import { type Clause, parseClauses } from './pypi-spec.ts';
import { type IntervalSet, sameVersions } from './sets.ts';

/**
 * @param range as it stands in the manifest
 * @param lowest the lowest version that may stay
 * @returns the new specifier, ready to paste; when the floor is not allowed today, one that leaves today's range
 */
export function raised(eco: Ecosystem, range: string, lowest: string): string {
  const floor = eco === 'npm' ? threeNumbers(lowest) : lowest;
  const allowed = fromSpec(eco, range);
  const wanted = allowed === undefined || !allows(allowed, floor) ? undefined : fromVersionOn(allowed, floor);
  const plain = eco === 'npm' ? `^${floor}` : `>=${floor}`;
  if (wanted === undefined) return plain;
  const exact = (text: string): boolean => isExactly(eco, text, wanted);
  if (eco === 'PyPI') return pypiForms(range, floor).find(exact) ?? plain;
  if (eco !== 'npm') return plain;
  return (
    npmForms(floor).find(exact) ??
    range
      .split('||')
      .flatMap((part) => npmPart(part, floor))
      .join(' || ')
  );
}

/** Can this version be named as a lower bound? Local parts and versions from before PEP 440 cannot. */
export const isFloor = (eco: Ecosystem, version: string): boolean => fromSpec(eco, `>=${version}`) !== undefined;

function isExactly(eco: Ecosystem, text: string, wanted: IntervalSet): boolean {
  const set = fromSpec(eco, text);
  return set !== undefined && sameVersions(set, wanted);
}

// `^1` and `^1.0.0` are two different things.
function threeNumbers(version: string): string {
  const [core = '', ...rest] = version.replace(/^[vV=\s]+/, '').split(/(?=[+-])/);
  return [...core.split('.'), '0', '0'].slice(0, Math.max(3, core.split('.').length)).join('.') + rest.join('');
}

const npmForms = (floor: string): string[] => [`^${floor}`, `~${floor}`, `>=${floor}`];

/** One alternative of a range, from the floor on; none when nothing is left of it. */
function npmPart(part: string, floor: string): string[] {
  const set = fromSpec('npm', part);
  const wanted = set === undefined ? undefined : fromVersionOn(set, floor);
  if (wanted === undefined || isEmpty(wanted)) return [];
  // The comparators that a hyphen range or an x-range stands for can be joined with another one.
  const plain = canonicalRange(part);
  const capped = [part, plain].map((text) => `>=${floor} ${(text.match(/<=?\s*[^\s|]+/g) ?? []).join(' ')}`);
  const forms = [part.trim(), ...npmForms(floor), ...capped];
  return [forms.find((text) => isExactly('npm', text, wanted)) ?? `${plain} >=${floor}`];
}

/** Shortest first; the last one is always right. */
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
