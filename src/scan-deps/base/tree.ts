/** The files of a commit as a workspace to read from: no second checkout, and only what is asked for is loaded. */
import { posix, relative, resolve, sep } from 'node:path';
import { blobSizes, fetchBlobs, type Git, type GitOptions, isPartial, listTree, readBlobs } from '../../git/index.ts';
import { formatOf } from '../discover/formats.ts';
import type { Workspace } from '../discover/workspace.ts';
import type { Unreadable } from '../extract/context.ts';
import { LIMITS } from '../types.ts';
import type { Place } from './place.ts';

export interface Tree extends Workspace {
  /** Of the workspace's files. */
  has(file: string): boolean;
  all(): Iterable<string>;
  /** Folders of submodules, with the commits they stand at. */
  readonly submodules: ReadonlyMap<string, string>;
  /** Contents are not in the store before they are loaded. */
  readonly partial: boolean;
  /**
   * Loads what `read` was asked for and did not have. `read` cannot wait: it says "missing", and is asked again.
   * @returns false when nothing new was loaded
   */
  load(): Promise<boolean>;
}

interface Entry {
  oid: string;
  mode: string;
}

/** All that is read of one commit. */
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_LIST = 256 * 1024 * 1024;
const MAX_LINKS = 5;

/** @returns undefined when git cannot list the commit */
export async function openTree(
  git: Git,
  commit: string,
  place: Place,
  root: string,
  options: GitOptions,
): Promise<Tree | undefined> {
  const listed = await listTree(git, ['-r', commit], { ...options, maxBytes: MAX_LIST });
  if (listed === undefined) return undefined;
  const entries = new Map<string, Entry>();
  const submodules = new Map<string, string>();
  for (const { mode, oid, name } of listed) {
    const file = place.toWorkspace(name);
    if (mode === '160000') submodules.set(file, oid);
    else entries.set(file, { oid, mode });
  }
  const partial = await isPartial(git, 'origin', options);
  const blobs = new Map<string, Uint8Array | Unreadable>();
  const wanted = new Set<string>();
  let left = MAX_BYTES;

  function read(file: string, links = 0): Uint8Array | Unreadable {
    const path = posix.normalize(file);
    const entry = entries.get(path);
    if (entry === undefined) return 'missing';
    const content = blobs.get(entry.oid);
    if (content === undefined) wanted.add(entry.oid);
    if (content === undefined || typeof content === 'string' || entry.mode !== '120000') return content ?? 'missing';
    const target = posix.join(posix.dirname(path), Buffer.from(content).toString('utf8'));
    return links >= MAX_LINKS || target.startsWith('../') ? 'outside' : read(target, links + 1);
  }

  return {
    root,
    limits: LIMITS,
    submodules,
    partial,
    has: (file) => entries.has(file),
    all: () => entries.keys(),
    find(path) {
      const lexical = relative(root, resolve(root, path)).split(sep).join('/');
      if (entries.has(lexical)) return { path: lexical, kind: 'file' };
      const below = lexical === '' ? '' : `${lexical}/`;
      for (const file of entries.keys()) if (file.startsWith(below)) return { path: lexical, kind: 'folder' };
      return 'missing';
    },
    // What nobody can read is no matter here: it has no findings.
    async list(folders) {
      const below = folders.map((folder) => (folder === '' ? '' : `${folder}/`));
      const files = [...entries.keys()].filter((file) => formatOf(file) !== undefined);
      return files.filter((file) => below.some((prefix) => file.startsWith(prefix)));
    },
    read: (file) => read(file),
    async load() {
      const oids = [...wanted];
      wanted.clear();
      if (oids.length === 0) return false;
      if (partial) await fetchBlobs(git, 'origin', oids, options);
      const sizes = await blobSizes(git, oids, options);
      const fitting: string[] = [];
      for (const oid of oids) {
        const size = sizes.get(oid);
        if (size === undefined) blobs.set(oid, 'not-a-file');
        else if (size > LIMITS.fileBytes || size > left) blobs.set(oid, 'too-big');
        else {
          left -= size;
          fitting.push(oid);
        }
      }
      const loaded = await readBlobs(git, fitting, MAX_BYTES, options);
      for (const oid of fitting)
        blobs.set(oid, (loaded.kind === 'read' ? loaded.blobs.get(oid) : undefined) ?? 'not-a-file');
      return true;
    },
  };
}
