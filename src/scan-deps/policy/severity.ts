/** How bad a group of advisories is: the highest score over all vectors, then the word of the database if that is higher. */
import { entriesOf } from '../osv/match.ts';
import type { Ecosystem, Level, OsvRecord, Severity } from '../types.ts';
import { parseVector } from './cvss.ts';

/** Rising. `unknown` has no place in the order: the input `unknown-severity` judges it. */
export const LEVELS = ['none', 'low', 'medium', 'high', 'critical'] as const;
export const rankOf = (level: Level): number => LEVELS.indexOf(level as (typeof LEVELS)[number]);

const WORDS: Readonly<Record<string, Level>> = {
  low: 'low',
  moderate: 'medium',
  medium: 'medium',
  high: 'high',
  critical: 'critical',
};

/** @param key normalised name: only vectors of this package count beside the record's own */
export function scoreGroup(group: readonly OsvRecord[], eco: Ecosystem, key: string): Severity {
  if (isMalicious(group)) return { level: 'critical' };
  let best: { score: number; version: string; vector: string } | undefined;
  let shown: { version: string; vector: string; score: number } | undefined;
  let word: Level | undefined;
  for (const record of group) {
    const own = entriesOf(eco, record, key);
    for (const { score: vector } of [...(record.severity ?? []), ...own.flatMap((entry) => entry.severity ?? [])]) {
      const parsed = parseVector(vector);
      if (parsed === undefined) continue;
      const one = { ...parsed, vector };
      if (best === undefined || one.score > best.score) best = one;
      if (shown === undefined || newer(one, shown)) shown = one;
    }
    const said = record.database_specific?.severity;
    const level = typeof said === 'string' ? WORDS[said.toLowerCase()] : undefined;
    if (level !== undefined && (word === undefined || rankOf(level) > rankOf(word))) word = level;
  }
  const scored = best === undefined ? undefined : levelOf(best.score);
  const level = word !== undefined && (scored === undefined || rankOf(word) > rankOf(scored)) ? word : scored;
  if (level === undefined) return { level: 'unknown' };
  return best === undefined || shown === undefined ? { level } : { level, score: best.score, vector: shown.vector };
}

// The newest CVSS version is shown; of equals the higher score, then the smaller text, so that the order of records is no matter.
function newer(a: { version: string; score: number; vector: string }, b: typeof a): boolean {
  if (a.version !== b.version) return a.version > b.version;
  return a.score !== b.score ? a.score > b.score : a.vector < b.vector;
}

function levelOf(score: number): Level {
  return score >= 9 ? 'critical' : score >= 7 ? 'high' : score >= 4 ? 'medium' : 'low';
}

/**
 * RustSec files notices (`unmaintained`, `unsound`, `notice`) beside vulnerabilities. A group is one only when none of its
 * advisories about this package is more.
 * @returns the kind of notice
 */
export function informationalOf(group: readonly OsvRecord[], eco: Ecosystem, key: string): string | undefined {
  const kinds = group
    .flatMap((record) => entriesOf(eco, record, key))
    .map((entry) => entry.database_specific?.informational);
  const [first] = kinds;
  return typeof first === 'string' && kinds.every((kind) => typeof kind === 'string') ? first : undefined;
}

/** Malware is an advisory `MAL-…`, or one that is filed under CWE-506, embedded malicious code. */
export function isMalicious(group: readonly OsvRecord[]): boolean {
  return group.some((record) => {
    const cwes = record.database_specific?.cwe_ids;
    return (
      [record.id, ...(record.aliases ?? [])].some((id) => id.startsWith('MAL-')) ||
      (Array.isArray(cwes) && cwes.includes('CWE-506'))
    );
  });
}
