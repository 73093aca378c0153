/**
 * An offline copy of the OSV export as a source: `<folder or URL>/<ECOSYSTEM>/all.zip`. With a cache each archive is turned
 * into an index once and then only looked into; without one it is read from end to end in every run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ActionError, type Clock, type Deadline } from '../../runner/index.ts';
import type { Answer, Ecosystem, OsvRecord, PackageKey, Problem } from '../types.ts';
import { orderOf } from '../version/index.ts';
import { corrupt } from './corrupt.ts';
import { newest, readMember } from './index-members.ts';
import type { Archive, RemotePorts } from './index-remote.ts';
import { rememberingJudge, sliceOf } from './index-slice.ts';
import { digestOf, indexPath, isFileFault, readIndex, type Shelf, storeIndex } from './index-store.ts';
import { isProblem, parseRecord } from './record.ts';
import type { AdvisorySource } from './source.ts';

export interface DatabaseOptions {
  /** Where the database lies; for a URL, its text. */
  folder: string;
  /** Seconds; undefined: any age. */
  maxAge: number | undefined;
  clock: Clock;
  deadline: Deadline;
  /** Folder that keeps indexes from run to run (the runner's tool cache); undefined: no index is made. */
  cache?: string;
  /** For a database at a URL. */
  remote?: { base: URL } & Omit<RemotePorts, 'clock' | 'deadline'>;
}

const DAY = 86_400;

export function databaseSource(options: DatabaseOptions): AdvisorySource {
  const { clock, deadline, cache, maxAge } = options;
  const byId = new Map<string, OsvRecord>();
  let oldest: number | undefined;
  const onMember = (): void => deadline.check('reading the database');

  async function shelf(eco: Ecosystem, wanted: ReadonlySet<string>): Promise<Shelf> {
    const archive = await archiveOf(options, eco);
    const now = clock.now();
    const found = await (cache === undefined ? plain(archive) : indexed(archive, cache));
    if (maxAge !== undefined && now - found.freshness > maxAge) throw stale(archive.name, found.freshness, now, maxAge);
    return found;

    async function plain(from: Archive): Promise<Shelf> {
      using file = await from.fetch();
      return await readArchive(file.path, eco, wanted, now, onMember);
    }

    async function indexed(from: Archive, folder: string): Promise<Shelf> {
      const source = await from.source();
      const known = readIndex(indexPath(folder, eco, source), eco, source, wanted, now);
      if (known !== undefined) return known;
      using file = await from.fetch();
      const state = file.source();
      const path = indexPath(folder, eco, state);
      const stored = await storeIndex(file.path, path, { eco, source: state, now, wanted, onMember });
      if (!stored) return await readArchive(file.path, eco, wanted, now, onMember);
      // Whoever shares the cache may have taken it away again.
      return readIndex(path, eco, state, wanted, now) ?? (await readArchive(file.path, eco, wanted, now, onMember));
    }
  }

  async function safely(eco: Ecosystem, wanted: ReadonlySet<string>): Promise<Shelf | Problem> {
    try {
      return await shelf(eco, wanted);
    } catch (error) {
      if (isFileFault(error)) {
        const { message } = corrupt(options.folder, `it cannot be read: ${error.message}`);
        return { code: 'E_DB_CORRUPT', message };
      }
      if (!(error instanceof ActionError) || error.code === 'E_CANCELLED') throw error;
      return { code: error.code, message: error.message };
    }
  }

  function remember(records: Iterable<OsvRecord>): void {
    for (const record of records) {
      const known = byId.get(record.id);
      // Each package has its own slice of a record: together they are what is known under the id.
      const affected = [...(known?.affected ?? []), ...(record.affected ?? [])];
      byId.set(record.id, known === undefined ? record : { ...record, affected });
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
        remember([...found.records.values()].flat());
      }
      return keys.map((key) => answerOf(shelves.get(key.eco), key));
    },
    async byIds(ids) {
      return new Map(ids.flatMap((id) => (byId.has(id) ? [[id, byId.get(id) as OsvRecord]] : [])));
    },
  };
}

async function archiveOf({ folder, remote, clock, deadline }: DatabaseOptions, eco: Ecosystem): Promise<Archive> {
  const below = `${encodeURIComponent(eco)}/all.zip`;
  if (remote !== undefined) {
    const url = new URL(`${remote.base.pathname.replace(/\/+$/, '')}/${below}`, remote.base.origin);
    const { remoteArchive } = await import(/* webpackMode: "eager" */ './index-remote.ts');
    return remoteArchive(url, { ...remote, clock, deadline });
  }
  const path = join(folder, below);
  if (!existsSync(path)) throw missing(path);
  const digest = once(() => digestOf(path));
  return {
    name: path,
    source: async () => digest(),
    fetch: async () => ({ path, source: digest, [Symbol.dispose]: () => {} }),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The archive itself, from end to end. */
async function readArchive(
  path: string,
  eco: Ecosystem,
  wanted: ReadonlySet<string>,
  now: number,
  onMember: () => void,
): Promise<Shelf> {
  const shelf: Shelf = { records: new Map(), freshness: 0 };
  const judge = rememberingJudge(orderOf(eco));
  const each = (name: string, bytes: Buffer): void => {
    const { json, keys, modified } = readMember(path, name, bytes, eco);
    shelf.freshness = newest(now, shelf.freshness, modified);
    const asked = keys.filter((key) => wanted.has(key));
    if (asked.length === 0) return;
    const record = parseRecord(json);
    if (isProblem(record)) throw corrupt(path, `${name}: ${record.message}`);
    if (record.withdrawn !== undefined) return;
    for (const key of asked) {
      const list = shelf.records.get(key);
      const slice = sliceOf(record, eco, key, judge);
      if (list === undefined) shelf.records.set(key, [slice]);
      else list.push(slice);
    }
  };
  const { readZip } = await import(/* webpackMode: "eager" */ './zip.ts');
  await readZip(path, each, undefined, onMember);
  return shelf;
}

function answerOf(shelf: Shelf | Problem | undefined, { key }: PackageKey): Answer {
  if (shelf === undefined) return { records: [] };
  return 'records' in shelf ? { records: shelf.records.get(key) ?? [] } : { unanswered: shelf };
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
