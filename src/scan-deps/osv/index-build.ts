/**
 * Builds the index of an archive. Records are spooled to a file as they come out of the archive and gathered by package in
 * a second pass, so that memory holds names and places but no record: the largest ecosystem has 300 MB of them.
 */
import { closeSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Ecosystem } from '../types.ts';
import { orderOf } from '../version/index.ts';
import { FORMAT, HEAD, type IndexHeader, MAGIC, nameHash, ROW } from './index-file.ts';
import { newest, readMember } from './index-members.ts';
import { rememberingJudge, sliceOf } from './index-slice.ts';
import { isProblem, parseRecord } from './record.ts';
import { readZip } from './zip.ts';

export interface BuildOptions {
  eco: Ecosystem;
  /** Digest of the archive, kept in the header. */
  source: string;
  /** Unix seconds. */
  now: number;
  /** Called for every member; throws to stop. */
  onMember?: () => void;
}

/** A record that cannot be read, kept in its place: whoever asks for its package must hear of it. */
export interface Unreadable {
  unreadable: string;
}

/**
 * Writes to names of its own beside the target and renames at the end: a reader sees the whole index or none.
 * @throws ActionError E_DB_CORRUPT, E_LIMIT of the archive, and errors of the file system
 */
export async function buildIndex(archive: string, target: string, options: BuildOptions): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  const own = `${target}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  const [spoolPath, indexPath] = [`${own}.spool`, `${own}.tmp`];
  try {
    const spool = openFile(spoolPath, 'w+');
    try {
      const facts = await spoolRecords(archive, spool, options);
      const index = openFile(indexPath, 'w');
      try {
        writeIndex(index, spool, facts, options);
      } finally {
        closeSync(index.fd);
      }
    } finally {
      closeSync(spool.fd);
    }
    renameSync(indexPath, target);
  } finally {
    for (const path of [spoolPath, indexPath]) rmSync(path, { force: true });
  }
}

interface Facts {
  /** By package: where its records begin in the spool, and how long they are, in turn. */
  places: Map<string, number[]>;
  records: number;
  freshness: number;
  future: number[];
}

async function spoolRecords(archive: string, spool: OutFile, options: BuildOptions): Promise<Facts> {
  const { eco, now, onMember } = options;
  const judge = rememberingJudge(orderOf(eco));
  const facts: Facts = { places: new Map(), records: 0, freshness: 0, future: [] };
  const keep = (key: string, record: object): void => {
    const bytes = Buffer.from(JSON.stringify(record));
    const places = facts.places.get(key);
    if (places === undefined) facts.places.set(key, [spool.length, bytes.length]);
    else places.push(spool.length, bytes.length);
    append(spool, bytes);
  };
  const each = (name: string, bytes: Buffer): void => {
    const { json, keys, modified } = readMember(archive, name, bytes, eco);
    facts.records += 1;
    facts.freshness = newest(now, facts.freshness, modified);
    if (modified > now && facts.future.length < 100) facts.future.push(modified);
    if (keys.length === 0) return;
    const record = parseRecord(json);
    for (const key of keys) {
      if (isProblem(record)) keep(key, { unreadable: `${name}: ${record.message}` } satisfies Unreadable);
      else if (record.withdrawn === undefined) keep(key, sliceOf(record, eco, key, judge));
    }
  };
  await readZip(archive, each, undefined, onMember);
  flush(spool);
  return facts;
}

function writeIndex(index: OutFile, spool: OutFile, facts: Facts, { eco, source, now }: BuildOptions): void {
  append(index, Buffer.alloc(HEAD));
  // As numbers: a buffer a name would weigh more than all the rest.
  const names = [...facts.places.keys()].map((key) => ({ key, hash: nameHash(key).readBigUInt64BE() }));
  names.sort((a, b) => (a.hash === b.hash ? (a.key < b.key ? -1 : 1) : a.hash < b.hash ? -1 : 1));
  const table = Buffer.alloc(names.length * ROW);
  for (const [i, { key, hash }] of names.entries()) {
    const slice = sliceBytes(spool, key, facts.places.get(key) ?? []);
    table.writeBigUInt64BE(hash, i * ROW);
    table.writeBigUInt64LE(BigInt(index.length), i * ROW + 8);
    table.writeUInt32LE(slice.length, i * ROW + 16);
    table.writeUInt32LE(crc32(slice), i * ROW + 20);
    append(index, slice);
  }
  const header: IndexHeader = {
    format: FORMAT,
    eco,
    source,
    built: new Date(now * 1000).toISOString(),
    freshness: facts.freshness,
    future: facts.future,
    records: facts.records,
    packages: names.length,
    table: { offset: index.length, crc: crc32(table) },
  };
  append(index, table);
  flush(index);
  const bytes = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(16);
  MAGIC.copy(head);
  head.writeUInt32LE(bytes.length, 8);
  head.writeUInt32LE(crc32(bytes), 12);
  writeAll(index.fd, Buffer.concat([head, bytes]), 0);
}

function sliceBytes(spool: OutFile, key: string, places: readonly number[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`{"name":${JSON.stringify(key)},"records":[`)];
  for (let i = 0; i < places.length; i += 2) {
    const bytes = Buffer.allocUnsafe(places[i + 1] ?? 0);
    readSync(spool.fd, bytes, 0, bytes.length, places[i] ?? 0);
    if (i > 0) parts.push(Buffer.from(','));
    parts.push(bytes);
  }
  parts.push(Buffer.from(']}'));
  return Buffer.concat(parts);
}

/** A file that is written front to back, in pieces of about 1 MiB. */
interface OutFile {
  fd: number;
  /** With what is still in memory. */
  length: number;
  pending: Buffer[];
  pendingBytes: number;
}

const PIECE = 1024 * 1024;

const openFile = (path: string, flags: string): OutFile => {
  return { fd: openSync(path, flags, 0o644), length: 0, pending: [], pendingBytes: 0 };
};

function append(file: OutFile, bytes: Buffer): void {
  file.pending.push(bytes);
  file.pendingBytes += bytes.length;
  file.length += bytes.length;
  if (file.pendingBytes >= PIECE) flush(file);
}

function flush(file: OutFile): void {
  writeAll(file.fd, Buffer.concat(file.pending), file.length - file.pendingBytes);
  file.pending = [];
  file.pendingBytes = 0;
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
