/** The content hash of a build context. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Digest } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import type { Ignore } from './ignore.ts';

export interface ContextFacts {
  digest: Digest;
  files: number;
  bytes: number;
  /** The history of the repository goes into the image, and changes with every commit. */
  hasGit: boolean;
}

export interface Entry {
  path: string;
  type: 'f' | 'd' | 'l';
  mode: number;
  size: number;
  /** Of a link; else ''. */
  target: string;
}

// Files are read without promises: for the thousands of small files of a checkout those take seven times the processor time.
const BUFFER = 256 * 1024;
/** So much work, in bytes, is done before other work (the bases are being resolved) gets its turn; an entry counts as some. */
const TURN = 1024 * 1024;
const ENTRY = 8 * 1024;

/**
 * Hashes type, permission bits, path and content of every entry that is not ignored, in the byte order of the paths.
 * Links are not followed; times, owners and extended attributes do not count.
 * @throws ActionError E_CONTEXT_ENTRY for sockets, devices and FIFOs
 */
export async function hashContext(root: string, ignore: Ignore): Promise<ContextFacts> {
  const entries = await contextEntries(root, ignore);
  const buffer = Buffer.allocUnsafe(BUFFER);
  const hash = createHash('sha256');
  const yielding = turns();
  for (const entry of entries) {
    const { type, mode, path } = entry;
    const payload = type === 'f' ? await contentDigest(join(root, path), entry.size, buffer, yielding) : entry.target;
    hash.update(`${type} ${mode.toString(8).padStart(4, '0')} ${path}\0${payload}\n`);
  }
  return {
    digest: `sha256:${hash.digest('hex')}`,
    files: entries.filter((e) => e.type === 'f').length,
    bytes: entries.reduce((sum, e) => sum + (e.type === 'f' ? e.size : 0), 0),
    hasGit: entries.some((e) => e.path === '.git'),
  };
}

/** Everything that is not ignored, in the byte order of the paths. */
export async function contextEntries(root: string, ignore: Ignore): Promise<Entry[]> {
  const entries: Entry[] = [];
  const yielding = turns();
  for (const entry of walk(root, '', ignore)) {
    entries.push(entry);
    if (yielding(ENTRY)) await setImmediate();
  }
  // UTF-16 has the order of UTF-8 up to the surrogates, which stand for what comes last.
  const same = !entries.some(({ path }) => /[\ud800-\uffff]/.test(path));
  const byBytes = (a: Entry, b: Entry): number => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
  return entries.sort(same ? (a, b) => (a.path < b.path ? -1 : 1) : byBytes);
}

function* walk(root: string, folder: string, ignore: Ignore): Generator<Entry> {
  for (const name of readdirSync(join(root, folder))) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const excluded = ignore.excludes(path);
    if (excluded && !ignore.reincludes) continue;
    const stat = lstatSync(join(root, path));
    if (excluded && !stat.isDirectory()) continue;
    const own = { path, mode: stat.mode & 0o7777, size: stat.size, target: '' };
    if (stat.isDirectory()) {
      const below = walk(root, path, ignore);
      const first = below.next();
      // An excluded folder comes along when something in it is included again, as its parent.
      if (excluded && first.done) continue;
      yield { ...own, type: 'd' };
      if (!first.done) yield first.value;
      yield* below;
    } else if (stat.isFile()) yield { ...own, type: 'f' };
    else if (stat.isSymbolicLink()) {
      yield { ...own, type: 'l', mode: 0o777, target: readlinkSync(join(root, path)) };
    } else {
      throw new ActionError('E_CONTEXT_ENTRY', {
        what: `context entry ${path}`,
        why: 'it is a socket, device or FIFO',
        fix: 'Add it to the ignore file',
      });
    }
  }
}

/** @param size as it was listed: a read that gives all of it, and less than was asked for, is the last one */
async function contentDigest(
  file: string,
  size: number,
  buffer: Buffer,
  yielding: (work: number) => boolean,
): Promise<string> {
  const hash = createHash('sha256');
  const opened = openSync(file, 'r');
  try {
    let total = 0;
    for (let read = buffer.length; read > 0 && (total !== size || read === buffer.length); ) {
      read = readSync(opened, buffer, 0, buffer.length, null);
      total += read;
      hash.update(buffer.subarray(0, read));
      if (yielding(read + ENTRY)) await setImmediate();
    }
  } finally {
    closeSync(opened);
  }
  return hash.digest('hex');
}

/** Adds work up; true when it is time to let others in. */
function turns(): (work: number) => boolean {
  let done = 0;
  return (work) => {
    done += work;
    if (done < TURN) return false;
    done = 0;
    return true;
  };
}
