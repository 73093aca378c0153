/** Where workflow and action files come from. A run reads only from repositories it was given, never from the network. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';

/** A repository at one commit. */
export interface Repository {
  /** `owner/name`. */
  name: string;
  /** As the reference wrote it: `v1`, a branch, a commit. */
  ref: string;
  sha: string;
  /** Text of a file, or undefined when there is none. Paths are relative, with `/`. */
  read(path: string): Promise<string | undefined>;
  /** Folder of an action in this repository on this machine, when its files can be run from here. */
  folder?(path: string): string;
}

/** Finds a repository at a ref; undefined when it has no such ref. */
export type OpenRepository = (ref: string) => Promise<Repository | undefined>;
/** By `owner/name`. */
export type Repositories = Readonly<Record<string, OpenRepository>>;

/**
 * A checkout on this machine, whatever it holds now.
 * @param o.refs the refs that stand for it; every ref when absent
 * @param o.layout `release`: paths as they are. `source`: the suite's own source tree, whose workflows live in `workflows/`
 *   and whose actions live in `actions/<name>`, both of which the release moves
 */
export function directoryRepository(o: {
  name: string;
  dir: string;
  sha: string;
  refs?: readonly string[];
  layout?: 'release' | 'source';
}): OpenRepository {
  const place = (path: string): string => join(o.dir, o.layout === 'source' ? sourcePath(path) : path);
  return async (ref) => {
    if (o.refs !== undefined && !o.refs.includes(ref)) return undefined;
    return { name: o.name, ref, sha: o.sha, read: (path) => readText(place(path)), folder: place };
  };
}

/** A Git repository on this machine (bare or not), read at exactly the commit that was asked for. Workflow files only. */
export function gitRepository(o: { name: string; gitDir: string }): OpenRepository {
  const git = (...args: string[]) => systemExec('git', [`--git-dir=${o.gitDir}`, ...args]);
  return async (ref) => {
    const parsed = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
    if (parsed.code !== 0) return undefined;
    const sha = parsed.stdout.toString('utf8').trim();
    return {
      name: o.name,
      ref,
      sha,
      async read(path) {
        const shown = await git('cat-file', 'blob', `${sha}:${path}`);
        return shown.code === 0 ? shown.stdout.toString('utf8') : undefined;
      },
    };
  };
}

function sourcePath(path: string): string {
  const workflow = /^\.github\/workflows\/([^/]+)$/.exec(path);
  if (workflow !== null) return `workflows/${workflow[1]}`;
  return path.includes('/') ? path : `actions/${path}`;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw error;
  }
}
