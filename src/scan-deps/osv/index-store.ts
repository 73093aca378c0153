/** Where indexes are kept: the runner's tool cache, laid out as its own toolkit does it, so that a cache step can carry them. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { types } from 'node:util';
import type { Ecosystem, OsvRecord } from '../types.ts';
import { orderOf } from '../version/index.ts';
import { corrupt } from './corrupt.ts';
import type { BuildOptions } from './index-build.ts';
import { cleanBeside } from './index-clean.ts';
import { Damaged, FORMAT, openIndexFile } from './index-file.ts';
import { newest } from './index-members.ts';
import { type Judge, rememberingJudge, sliceOf } from './index-slice.ts';
import { isProblem, parseRecord } from './record.ts';

/** Records of the wanted packages, in the order of the archive. */
export interface Shelf {
  records: Map<string, OsvRecord[]>;
  /** Unix seconds of the newest record that is not in the future; 0: none is dated. */
  freshness: number;
}

/**
 * `<cache>/scan-deps-index-<eco>/1.0.0-h<16 hex>/<arch>/index.bin`
 * @param source digest of the archive, or of what tells one state of it from another
 */
export function indexPath(cache: string, eco: Ecosystem, source: string): string {
  const version = createHash('sha256').update(`${FORMAT} ${source}`).digest('hex').slice(0, 16);
  return join(cache, `scan-deps-index-${eco}`, `1.0.0-h${version}`, arch(), 'index.bin');
}

/** SHA-256 of a file, in pieces. */
export function digestOf(path: string): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(1024 * 1024);
    for (let got = readSync(fd, piece); got > 0; got = readSync(fd, piece)) hash.update(piece.subarray(0, got));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

/**
 * @returns undefined when there is no index, or one that is damaged in what was looked at: it is to be built
 * @throws ActionError E_DB_CORRUPT for a wanted record that the archive itself holds broken
 */
export function readIndex(
  path: string,
  eco: Ecosystem,
  source: string,
  wanted: ReadonlySet<string>,
  now: number,
): Shelf | undefined {
  // The marker is written last: without it the index may be half of one that was restored or copied.
  if (!existsSync(path) || !existsSync(markerOf(path))) return undefined;
  try {
    const index = openIndexFile(path, eco, source);
    try {
      const { freshness, future } = index.header;
      const judge = rememberingJudge(orderOf(eco));
      const shelf: Shelf = { records: new Map(), freshness: newest(now, freshness, ...future) };
      for (const key of wanted) {
        const { records: raws, sliced } = index.get(key);
        const records = sliced
          ? raws.map((raw) => readySlice(raw, path))
          : raws.flatMap((raw) => sliceNow(raw, eco, key, judge, path));
        if (records.length > 0) shelf.records.set(key, records);
      }
      return shelf;
    } finally {
      index.close();
    }
  } catch (error) {
    if (error instanceof Damaged || isFileFault(error)) return undefined;
    throw error;
  }
}

/** It was made from a record that was checked, and its CRC says that it is what was written then. */
function readySlice(raw: unknown, path: string): OsvRecord {
  if (typeof raw !== 'object' || raw === null) throw new Damaged('a record is of another form');
  if ('unreadable' in raw) throw corrupt(path, String(raw.unreadable));
  return raw as OsvRecord;
}

function sliceNow(raw: unknown, eco: Ecosystem, key: string, judge: Judge, path: string): OsvRecord[] {
  const record = parseRecord(raw);
  if (isProblem(record)) throw corrupt(path, record.message);
  return record.withdrawn === undefined ? [sliceOf(record, eco, key, judge)] : [];
}

/**
 * Builds the index in its place and marks it as complete.
 * @returns false when the cache cannot be written: the archive then answers for itself
 * @throws ActionError of the archive
 */
export async function storeIndex(archive: string, path: string, options: BuildOptions): Promise<boolean> {
  try {
    const { buildIndex } = await import(/* webpackMode: "eager" */ './index-build.ts');
    await buildIndex(archive, path, options);
    writeFileSync(markerOf(path), '');
    cleanBeside(path, options.now);
    return true;
  } catch (error) {
    if (isFileFault(error)) return false;
    throw error;
  }
}

/** As the toolkit marks a tool: beside the folder of the architecture. */
const markerOf = (path: string): string => `${dirname(path)}.complete`;

// EACCES, ENOSPC, EROFS, …; codes of the suite begin with E_.
export const isFileFault = (error: unknown): error is Error =>
  types.isNativeError(error) && 'code' in error && /^E[A-Z]+$/.test(String(error.code));
