/** Members of an advisory archive, one by one, from the file. Nothing is written to disk, and a bomb is refused before it is inflated. */
import { closeSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { type Entry, fromFdPromise, type ZipFile } from 'yauzl';
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

/**
 * Calls `each` with the name and the checked bytes of every file in the archive.
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
    const zip = await corruptIfThrows(path, () => fromFdPromise(fd, { lazyEntries: true, autoClose: false }));
    if (zip.entryCount > limits.members) throw tooBig(path, `${zip.entryCount} members`);
    const entries = await corruptIfThrows(path, () => allEntries(zip));
    let total = 0;
    for (const entry of entries) {
      total += entry.uncompressedSize;
      const ratio = entry.uncompressedSize / Math.max(1, entry.compressedSize);
      if (entry.uncompressedSize > limits.memberBytes)
        throw tooBig(path, `${entry.uncompressedSize} bytes in one member`);
      if (entry.uncompressedSize > RATIO_FREE && ratio > limits.ratio)
        throw tooBig(path, `a ratio of ${Math.round(ratio)}:1`);
      if (total > limits.totalBytes) throw tooBig(path, `over ${limits.totalBytes} bytes`);
    }
    for (const entry of entries) {
      onMember();
      if (entry.fileName.endsWith('/')) continue;
      const bytes = await corruptIfThrows(path, () => member(fd, zip, entry), entry.fileName);
      each(entry.fileName, bytes);
    }
  } finally {
    closeSync(fd);
  }
}

async function allEntries(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(entry);
  return entries;
}

async function member(fd: number, zip: ZipFile, entry: Entry): Promise<Buffer> {
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  const packed = Buffer.allocUnsafe(entry.compressedSize);
  let read = 0;
  while (read < packed.length) {
    const got = readSync(fd, packed, read, packed.length - read, fileDataStart + read);
    if (got === 0) throw new Error('the archive ends inside a member');
    read += got;
  }
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) throw new Error('unknown compression');
  // The declared size was checked above and caps what is inflated, whatever the stream would give.
  const bytes =
    entry.compressionMethod === 0 ? packed : inflateRawSync(packed, { maxOutputLength: entry.uncompressedSize || 1 });
  if (bytes.length !== entry.uncompressedSize) throw new Error('a member has another size than declared');
  if (crc32(bytes) !== entry.crc32 >>> 0) throw new Error('wrong CRC-32');
  return bytes;
}

async function corruptIfThrows<T>(path: string, body: () => Promise<T>, name?: string): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const cause = error as Error;
    throw corrupt(path, `${name === undefined ? '' : `${name}: `}${cause.message}`, error);
  }
}

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
