/** Members of an advisory archive, one by one, from the file. Nothing is written to disk, and a bomb is refused before it is inflated. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32, inflateRawSync } from 'node:zlib';
import { fromRandomAccessReaderPromise, RandomAccessReader } from 'yauzl';
import { ActionError } from '../../runner/index.ts';

export interface ZipLimits {
  members: number;
  memberBytes: number;
  totalBytes: number;
  /** Inflated bytes for each deflated byte. */
  ratio: number;
}

const ZIP_LIMITS: ZipLimits = {
  members: 1_000_000,
  memberBytes: 16 * 1024 * 1024,
  totalBytes: 4 * 1024 * 1024 * 1024,
  ratio: 200,
};

/** Below this size a high ratio is harmless: the text is short. */
const RATIO_FREE = 64 * 1024;
const WINDOW = 1024 * 1024;
/** Members between two turns of the event loop, so that a signal or the deadline is heard in the middle of a large archive. */
const TURN = 256;

interface Member {
  name: string;
  method: number;
  crc: number;
  packed: number;
  size: number;
  /** Of the local header. */
  offset: number;
}

type ReadAt = (position: number, length: number) => Buffer;

/**
 * Calls `each` with the name and the checked bytes of every file in the archive, in the order of its directory; the bytes
 * hold until it returns.
 * @throws ActionError E_DB_CORRUPT (broken archive, wrong CRC, other compression) or E_LIMIT
 */
export async function readZip(
  path: string,
  each: (name: string, bytes: Buffer) => void,
  limits: ZipLimits = ZIP_LIMITS,
  onMember: () => void = () => {},
): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    const readAt = windowed(fd);
    const members = await corruptIfThrows(path, () => directory(new Archive(readAt), fstatSync(fd).size, path, limits));
    for (const [i, member] of members.entries()) {
      onMember();
      if (i % TURN === TURN - 1) await nextTurn();
      if (member.name.endsWith('/')) continue;
      each(member.name, await corruptIfThrows(path, () => inflated(readAt, member), member.name));
    }
  } finally {
    closeSync(fd);
  }
}

/** All members; the sums are checked on the way, so that a directory that is too long is not read to its end. */
async function directory(archive: Archive, bytes: number, path: string, limits: ZipLimits): Promise<Member[]> {
  const zip = await fromRandomAccessReaderPromise(archive, bytes, { lazyEntries: true, autoClose: false });
  if (zip.entryCount > limits.members) throw tooBig(path, `${zip.entryCount} members`);
  const members: Member[] = [];
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    const size = entry.uncompressedSize;
    total += size;
    const ratio = size / Math.max(1, entry.compressedSize);
    if (size > limits.memberBytes) throw tooBig(path, `${size} bytes in one member`);
    if (size > RATIO_FREE && ratio > limits.ratio) throw tooBig(path, `a ratio of ${Math.round(ratio)}:1`);
    if (total > limits.totalBytes) throw tooBig(path, `over ${limits.totalBytes} bytes`);
    if (members.length >= limits.members) throw tooBig(path, `over ${limits.members} members`);
    members.push({
      name: entry.fileName,
      method: entry.compressionMethod,
      crc: entry.crc32 >>> 0,
      packed: entry.compressedSize,
      size,
      offset: entry.relativeOffsetOfLocalHeader,
    });
  }
  return members;
}

class Archive extends RandomAccessReader {
  readonly #readAt: ReadAt;

  constructor(readAt: ReadAt) {
    super();
    this.#readAt = readAt;
  }

  override read(
    target: Buffer,
    at: number,
    length: number,
    position: number,
    done: (error: Error | null) => void,
  ): void {
    let failure: Error | null = null;
    try {
      this.#readAt(position, length).copy(target, at);
    } catch (error) {
      failure = error as Error;
    }
    queueMicrotask(() => done(failure));
  }
}

/**
 * Reads through a window, whose bytes hold until the next call: the members follow each other, and a call to the system
 * for each of them costs more than its bytes.
 */
function windowed(fd: number): ReadAt {
  const window = Buffer.allocUnsafe(WINDOW);
  let start = 0;
  let held = 0;
  return (position, length) => {
    if (length > WINDOW) return whole(fill(fd, Buffer.allocUnsafe(length), position), length);
    if (position < start || position + length > start + held) {
      held = fill(fd, window, position).length;
      start = position;
    }
    return whole(window.subarray(position - start, Math.min(held, position - start + length)), length);
  };
}

function whole(bytes: Buffer, length: number): Buffer {
  if (bytes.length < length) throw new Error('the archive ends inside a member');
  return bytes;
}

/** @returns the part of the target that the file could fill */
function fill(fd: number, target: Buffer, position: number): Buffer {
  let read = 0;
  while (read < target.length) {
    const got = readSync(fd, target, read, target.length - read, position + read);
    if (got === 0) break;
    read += got;
  }
  return target.subarray(0, read);
}

function inflated(readAt: ReadAt, { method, crc, packed, size, offset }: Member): Buffer {
  const header = readAt(offset, 30);
  if (header.readUInt32LE(0) !== 0x04034b50) throw new Error('no header of a member where the directory says one is');
  const data = readAt(offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28), packed);
  if (method !== 0 && method !== 8) throw new Error('unknown compression');
  // The declared size was checked above and caps what is inflated, whatever the stream would give.
  const options = { maxOutputLength: size || 1, chunkSize: Math.max(64, size + 1) };
  const bytes = method === 0 ? data : inflateRawSync(data, options);
  if (bytes.length !== size) throw new Error('a member has another size than declared');
  if (crc32(bytes) !== crc) throw new Error('wrong CRC-32');
  return bytes;
}

async function corruptIfThrows<T>(path: string, body: () => T | Promise<T>, name?: string): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof ActionError) throw error;
    const cause = error as Error;
    throw corrupt(path, `${name === undefined ? '' : `${name}: `}${cause.message}`, error);
  }
}

/** Of a database, or a part of it, that must not be believed. */
export function corrupt(path: string, why: string, cause?: unknown): ActionError {
  const fix = 'Fetch the archive again; nothing of it was believed';
  return new ActionError('E_DB_CORRUPT', { what: `database ${path}`, why, fix, cause });
}

function tooBig(path: string, why: string): ActionError {
  return new ActionError('E_LIMIT', {
    what: `database ${path}`,
    why: `${why} is more than an advisory database has`,
    fix: 'Fetch the archive again from where you trust it',
  });
}
