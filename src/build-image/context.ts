/** The content hash of a build context. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, mapLimited, sha256 } from '../oci/index.ts';
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
}

const WHOLE_FILE = 1024 * 1024;
const AT_ONCE = 16;

/**
 * Hashes type, permission bits, path and content of every entry that is not ignored, in the byte order of the paths.
 * Links are not followed; times, owners and extended attributes do not count.
 * @throws ActionError E_CONTEXT_ENTRY for sockets, devices and FIFOs
 */
export async function hashContext(root: string, ignore: Ignore): Promise<ContextFacts> {
  const entries = await contextEntries(root, ignore);
  const payloads = await mapLimited(entries, AT_ONCE, (entry) => payload(root, entry));
  const hash = createHash('sha256');
  for (const [i, { type, mode, path }] of entries.entries()) {
    hash.update(`${type} ${mode.toString(8).padStart(4, '0')} ${path}\0${payloads[i] ?? ''}\n`);
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
  const entries = await list(root, '', ignore);
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

async function list(root: string, folder: string, ignore: Ignore): Promise<Entry[]> {
  const names = await readdir(join(root, folder));
  const found = await mapLimited(names, AT_ONCE, async (name): Promise<Entry[]> => {
    const path = folder === '' ? name : `${folder}/${name}`;
    const excluded = ignore.excludes(path);
    if (excluded && !ignore.reincludes) return [];
    const stat = await lstat(join(root, path));
    if (excluded && !stat.isDirectory()) return [];
    const own = { path, mode: stat.mode & 0o7777, size: stat.size };
    if (stat.isDirectory()) {
      const below = await list(root, path, ignore);
      // An excluded folder comes along when something in it is included again, as its parent.
      return excluded && below.length === 0 ? [] : [{ ...own, type: 'd' }, ...below];
    }
    if (stat.isFile()) return [{ ...own, type: 'f' }];
    if (stat.isSymbolicLink()) return [{ ...own, type: 'l', mode: 0o777 }];
    throw new ActionError('E_CONTEXT_ENTRY', {
      what: `context entry ${path}`,
      why: 'it is a socket, device or FIFO',
      fix: 'Add it to the ignore file',
    });
  });
  return found.flat();
}

async function payload(root: string, entry: Entry): Promise<string> {
  const file = join(root, entry.path);
  if (entry.type === 'd') return '';
  if (entry.type === 'l') return readlink(file);
  if (entry.size <= WHOLE_FILE) return sha256(await readFile(file)).slice('sha256:'.length);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
