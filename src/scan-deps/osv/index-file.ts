/**
 * The index of one ecosystem, one file:
 *
 *     magic (8) | header length, header CRC-32 (u32 LE each) | header, JSON, in a block of 4 KiB
 *     members of the archive, packed as they are there
 *     entries, JSON, one a package: its records, or the places of its members
 *     table, sorted: hash of the name (8) | offset (u64) | length (u32) | CRC-32 of the entry (u32)
 *
 * A look-up is a binary search and one read; the records of packages that were asked for when the index was made are at
 * hand, those of others are unpacked then. Whatever does not fit together is "damaged", and an index that is damaged is built
 * again, never half believed.
 */

import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { parseJson } from '../../text/index.ts';
import { unpack } from './zip-member.ts';

export const MAGIC = Buffer.from('SDINDEX1');
export const HEAD = 4096;
export const ROW = 24;
/** Changes when an index of an older version must not be read. */
export const FORMAT = 2;

const headerSchema = z.object({
  format: z.literal(FORMAT),
  eco: z.string(),
  /** Digest of what it was made from. */
  source: z.string(),
  built: z.string(),
  /** Unix seconds of the newest record when it was built. */
  freshness: z.number(),
  /** Dates that lay in the future then, and count when they have come. */
  future: z.array(z.number()).max(100),
  records: z.int().min(0),
  packages: z.int().min(0),
  table: z.object({ offset: z.int().min(HEAD), crc: z.int().min(0) }),
});
export type IndexHeader = z.output<typeof headerSchema>;

/** Place, packed size, inflated size, method and CRC-32 of a member. */
export type MemberPlace = [number, number, number, number, number];
const memberSchema = z.tuple([z.int().min(0), z.int().min(0), z.int().min(0), z.int(), z.int().min(0)]);
const entrySchema = z.object({
  name: z.string(),
  /** Slices of its records, as {@link sliceOf} makes them. */
  records: z.array(z.unknown()).optional(),
  members: z.array(memberSchema).optional(),
});

/** Something in the file is not as it was written. */
export class Damaged extends Error {}

/** Of a package's name, as the table has it. */
export function nameHash(key: string): Buffer {
  return hash('sha256', key, 'buffer').subarray(0, 8);
}

export interface Found {
  records: unknown[];
  /** The records are slices; otherwise they are whole, as the archive has them. */
  sliced: boolean;
}

export interface OpenIndex {
  header: IndexHeader;
  /** Raw records of the package; none when it is not in the index. @throws Damaged */
  get(key: string): Found;
  close(): void;
}

/** @throws Damaged, also for an index of another ecosystem or source, and errors of the file system */
export function openIndexFile(path: string, eco: string, source: string): OpenIndex {
  const fd = openSync(path, 'r');
  try {
    const header = readHeader(fd);
    if (header.eco !== eco || header.source !== source) throw new Damaged('it was made from something else');
    const table = readAt(fd, header.table.offset, header.packages * ROW);
    if (fstatSync(fd).size !== header.table.offset + table.length) throw new Damaged('it has another length');
    if (crc32(table) !== header.table.crc) throw new Damaged('wrong CRC-32 of the table');
    return { header, get: (key) => recordsOf(fd, table, key), close: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readHeader(fd: number): IndexHeader {
  const block = readAt(fd, 0, HEAD);
  const length = block.readUInt32LE(8);
  const bytes = block.subarray(16, 16 + length);
  if (!block.subarray(0, 8).equals(MAGIC)) throw new Damaged('it is no index');
  if (length > HEAD - 16 || crc32(bytes) !== block.readUInt32LE(12)) throw new Damaged('wrong CRC-32 of the header');
  const header = headerSchema.safeParse(parseJson(bytes.toString('utf8')));
  if (!header.success) throw new Damaged('its header is of another form');
  return header.data;
}

function recordsOf(fd: number, table: Buffer, key: string): Found {
  const wanted = nameHash(key);
  const rows = table.length / ROW;
  let low = 0;
  for (let high = rows; low < high; ) {
    const middle = (low + high) >>> 1;
    if (table.compare(wanted, 0, 8, middle * ROW, middle * ROW + 8) < 0) low = middle + 1;
    else high = middle;
  }
  // Two names may share a hash: the name inside the entry decides.
  for (let at = low * ROW; at < table.length && wanted.equals(table.subarray(at, at + 8)); at += ROW) {
    const length = table.readUInt32LE(at + 16);
    const bytes = readAt(fd, Number(table.readBigUInt64LE(at + 8)), length);
    if (crc32(bytes) !== table.readUInt32LE(at + 20)) throw new Damaged('wrong CRC-32 of a package');
    const entry = entrySchema.safeParse(parseJson(bytes.toString('utf8')));
    if (!entry.success) throw new Damaged('a package is of another form');
    const { name, records, members = [] } = entry.data;
    if (name !== key) continue;
    return records === undefined
      ? { records: members.map((member) => wholeRecord(fd, member)), sliced: false }
      : { records, sliced: true };
  }
  return { records: [], sliced: true };
}

function wholeRecord(fd: number, [offset, length, size, method, crc]: MemberPlace): unknown {
  const packed = readAt(fd, offset, length);
  try {
    return JSON.parse(unpack({ method, crc, size, packed }).toString('utf8'));
  } catch (error) {
    throw new Damaged((error as Error).message);
  }
}

/** Can this version read it, as far as its header says? Errors of the file system are thrown. */
export function isReadable(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    readHeader(fd);
    return true;
  } catch (error) {
    if (error instanceof Damaged) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** @throws Damaged when the file ends before */
function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let read = 0; read < length; ) {
    const got = readSync(fd, bytes, read, length - read, position + read);
    if (got === 0) throw new Damaged('it ends too early');
    read += got;
  }
  return bytes;
}
