/** Members of an advisory archive, one by one, from the file. Nothing is written to disk, and a bomb is refused before it is inflated. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fromRandomAccessReaderPromise, RandomAccessReader } from 'yauzl';
import { ActionError } from '../../runner/index.ts';
import { corrupt } from './corrupt.ts';
import { type PackedMember, unpack } from './zip-member.ts';

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

/** Of every member its method, CRC, packed size, inflated size and place, in turn: an archive may have a million. */
type Directory = number[];
const FIELDS = 5;

type ReadAt = (position: number, length: number) => Buffer;

/**
 * Calls `each` with the name and the checked bytes of every file in the archive, in the order of its directory, and with the
 * file as it is packed; both hold until it returns.
 * @throws ActionError E_DB_CORRUPT (broken archive, wrong CRC, other compression) or E_LIMIT
 */
export async function readZip(
  path: string,
  each: (name: string, bytes: Buffer, member: PackedMember) => void,
  limits: ZipLimits = ZIP_LIMITS,
  onMember: () => void = () => {},
): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    const readAt = windowed(fd);
    const members = await corruptIfThrows(path, () => directory(new Archive(readAt), fstatSync(fd).size, path, limits));
    for (let at = 0; at < members.length; at += FIELDS) {
      onMember();
      if ((at / FIELDS) % TURN === TURN - 1) await nextTurn();
      readMember(path, readAt, members, at, each);
    }
  } finally {
    closeSync(fd);
  }
}

/** All members; the sums are checked on the way, so that a directory that is too long is not read to its end. */
async function directory(archive: Archive, bytes: number, path: string, limits: ZipLimits): Promise<Directory> {
  const zip = await fromRandomAccessReaderPromise(archive, bytes, { lazyEntries: true, autoClose: false });
  if (zip.entryCount > limits.members) throw tooBig(path, `${zip.entryCount} members`);
  const members: Directory = [];
  let count = 0;
  let total = 0;
  let packedTotal = 0;
  for await (const entry of zip.eachEntry()) {
    const size = entry.uncompressedSize;
    total += size;
    packedTotal += entry.compressedSize;
    const ratio = size / Math.max(1, entry.compressedSize);
    if (size > limits.memberBytes) throw tooBig(path, `${size} bytes in one member`);
    if (size > RATIO_FREE && ratio > limits.ratio) throw tooBig(path, `a ratio of ${Math.round(ratio)}:1`);
    // Small members that are all of a high ratio: their sum is not waited for.
    if (total > limits.memberBytes && total / packedTotal > limits.ratio)
      throw tooBig(path, `a ratio of ${Math.round(total / packedTotal)}:1 of all members`);
    if (total > limits.totalBytes) throw tooBig(path, `over ${limits.totalBytes} bytes`);
    count += 1;
    if (count > limits.members) throw tooBig(path, `over ${limits.members} members`);
    if (entry.fileName.endsWith('/')) continue;
    const { compressionMethod: method, crc32: crc, compressedSize: packed } = entry;
    members.push(method, crc >>> 0, packed, size, entry.relativeOffsetOfLocalHeader);
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

function readMember(
  path: string,
  readAt: ReadAt,
  members: Directory,
  at: number,
  each: (name: string, bytes: Buffer, member: PackedMember) => void,
): void {
  const [method = 0, crc = 0, length = 0, size = 0, offset = 0] = members.slice(at, at + FIELDS);
  let name = `member ${at / FIELDS + 1}`;
  let member: PackedMember;
  let bytes: Buffer;
  try {
    const header = readAt(offset, 30);
    if (header.readUInt32LE(0) !== 0x04034b50) throw new Error('no header of a member where the directory says one is');
    const start = offset + 30 + header.readUInt16LE(26);
    const extra = header.readUInt16LE(28);
    name = readAt(offset + 30, header.readUInt16LE(26)).toString('utf8');
    member = { method, crc, size, packed: readAt(start + extra, length) };
    bytes = unpack(member);
  } catch (error) {
    throw asCorrupt(path, error, name);
  }
  each(name, bytes, member);
}

async function corruptIfThrows<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw asCorrupt(path, error);
  }
}

function asCorrupt(path: string, error: unknown, name?: string): ActionError {
  if (error instanceof ActionError) return error;
  return corrupt(path, `${name === undefined ? '' : `${name}: `}${(error as Error).message}`, error);
}

function tooBig(path: string, why: string): ActionError {
  return new ActionError('E_LIMIT', {
    what: `database ${path}`,
    why: `${why} is more than an advisory database has`,
    fix: 'Fetch the archive again from where you trust it',
  });
}
