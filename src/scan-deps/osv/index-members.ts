/** What one member of an advisory archive says, before anything is judged. */
import type { Ecosystem } from '../types.ts';
import { corrupt } from './corrupt.ts';
import { normaliseName } from './names.ts';

export interface MemberFacts {
  json: object;
  /** Normalised names of the packages of this ecosystem. */
  keys: string[];
  /** Unix seconds; NaN when it is not dated. */
  modified: number;
}

/**
 * Every member must be a record with an id, also one about a package that nobody asked for: nothing is dropped in silence.
 * @throws ActionError E_DB_CORRUPT
 */
export function readMember(path: string, name: string, bytes: Buffer, eco: Ecosystem): MemberFacts {
  const json = parse(bytes);
  if (typeof json !== 'object' || json === null || !('id' in json) || typeof json.id !== 'string' || json.id === '') {
    throw corrupt(path, `${name} is not an advisory with an id`);
  }
  const modified = 'modified' in json ? Date.parse(String(json.modified)) / 1000 : Number.NaN;
  return { json, keys: namesIn(json, eco), modified };
}

/** The newest date that is not in the future; 0 when there is none. */
export function newest(now: number, ...dates: readonly number[]): number {
  return dates.reduce((best, date) => (date <= now && date > best ? date : best), 0);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function namesIn(json: object, eco: Ecosystem): string[] {
  const affected = 'affected' in json && Array.isArray(json.affected) ? (json.affected as unknown[]) : [];
  const keys = new Set<string>();
  for (const entry of affected) {
    const about = (entry as { package?: { ecosystem?: unknown; name?: unknown } } | null)?.package;
    if (typeof about?.ecosystem !== 'string' || typeof about.name !== 'string') continue;
    if (about.ecosystem.split(':', 1)[0] === eco) keys.add(normaliseName(eco, about.name));
  }
  return [...keys];
}
