/** An offline copy of the OSV export as a source: `<folder>/<ECOSYSTEM>/all.zip`, read once a run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ActionError, type Clock, type Deadline } from '../../runner/index.ts';
import type { Answer, Ecosystem, OsvRecord, PackageKey, Problem } from '../types.ts';
import { normaliseName } from './names.ts';
import { isProblem, parseRecord } from './record.ts';
import type { AdvisorySource } from './source.ts';
import { corrupt, readZip } from './zip.ts';

export interface DatabaseOptions {
  folder: string;
  /** Seconds; undefined: any age. */
  maxAge: number | undefined;
  clock: Clock;
  deadline: Deadline;
}

interface Shelf {
  records: Map<string, OsvRecord[]>;
  freshness: number;
}

const DAY = 86_400;

export function databaseSource(options: DatabaseOptions): AdvisorySource {
  const byId = new Map<string, OsvRecord>();
  let oldest: number | undefined;

  async function shelf(eco: Ecosystem, wanted: ReadonlySet<string>): Promise<Shelf> {
    const path = join(options.folder, encodeURIComponent(eco), 'all.zip');
    if (!existsSync(path)) throw missing(path);
    const now = options.clock.now();
    const result: Shelf = { records: new Map(), freshness: 0 };
    const each = (name: string, bytes: Buffer): void => take(result, eco, wanted, path, name, bytes, now);
    await readZip(path, each, undefined, () => options.deadline.check('reading the database'));
    if (options.maxAge !== undefined && now - result.freshness > options.maxAge) {
      throw stale(path, result.freshness, now, options.maxAge);
    }
    return result;
  }

  async function safely(eco: Ecosystem, wanted: ReadonlySet<string>): Promise<Shelf | Problem> {
    try {
      return await shelf(eco, wanted);
    } catch (error) {
      if (!(error instanceof ActionError) || error.code === 'E_CANCELLED') throw error;
      return { code: error.code, message: error.message };
    }
  }

  return {
    kind: 'database',
    url: options.folder,
    freshness: () => (oldest === undefined ? undefined : new Date(oldest * 1000).toISOString()),
    async lookup(keys) {
      const shelves = new Map<Ecosystem, Shelf | Problem>();
      for (const eco of new Set(keys.map((key) => key.eco))) {
        const found = await safely(eco, new Set(keys.filter((k) => k.eco === eco).map((k) => k.key)));
        shelves.set(eco, found);
        if (!('records' in found)) continue;
        if (found.freshness > 0) oldest = Math.min(oldest ?? found.freshness, found.freshness);
        for (const record of [...found.records.values()].flat()) byId.set(record.id, record);
      }
      return keys.map((key) => answerOf(shelves.get(key.eco), key));
    },
    async byIds(ids) {
      return new Map(ids.flatMap((id) => (byId.has(id) ? [[id, byId.get(id) as OsvRecord]] : [])));
    },
  };
}

function answerOf(shelf: Shelf | Problem | undefined, { key }: PackageKey): Answer {
  if (shelf === undefined) return { records: [] };
  return 'records' in shelf ? { records: shelf.records.get(key) ?? [] } : { unanswered: shelf };
}

// Every member must be a record with an id, also one about a package that nobody asked for: nothing is dropped in silence.
function take(
  shelf: Shelf,
  eco: Ecosystem,
  wanted: ReadonlySet<string>,
  path: string,
  name: string,
  bytes: Buffer,
  now: number,
): void {
  const json = parseJson(bytes);
  if (typeof json !== 'object' || json === null || !('id' in json) || typeof json.id !== 'string' || json.id === '') {
    throw corrupt(path, `${name} is not an advisory with an id`);
  }
  const modified = 'modified' in json ? Date.parse(String(json.modified)) / 1000 : Number.NaN;
  if (modified <= now) shelf.freshness = Math.max(shelf.freshness, modified);
  const keys = namesIn(json, eco).filter((key) => wanted.has(key));
  if (keys.length === 0) return;
  const record = parseRecord(json);
  if (isProblem(record)) throw corrupt(path, `${name}: ${record.message}`);
  for (const key of keys) {
    const list = shelf.records.get(key);
    if (list === undefined) shelf.records.set(key, [record]);
    else list.push(record);
  }
}

function parseJson(bytes: Buffer): unknown {
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

function missing(path: string): ActionError {
  return new ActionError('E_DB_MISSING', {
    what: 'database',
    why: `${path} is not there, and packages of this ecosystem are to be judged`,
    fix: 'Lay the folder out like the public OSV export, <ECOSYSTEM>/all.zip',
  });
}

function stale(path: string, newest: number, now: number, maxAge: number): ActionError {
  const age = newest === 0 ? 'no dated record' : `its newest record is ${Math.floor((now - newest) / DAY)} days old`;
  return new ActionError('E_DB_STALE', {
    what: `database ${path}`,
    why: `${age}, more than the ${Math.round((maxAge / DAY) * 10) / 10} days of max-database-age`,
    fix: 'Fetch a new copy, or set max-database-age: none when an old one must judge',
  });
}
