/** Where the repository of the scanned paths lies, and how its paths and those of the workspace belong together. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

export interface Place {
  gitDir: string;
  /** Path below the workspace. */
  toWorkspace(path: string): string;
  /** Path below the top of the repository; undefined for a file outside of it. */
  toTree(path: string): string | undefined;
}

/**
 * Mostly the workspace is the top of the repository; else it may hold it (`path` of the checkout). Above the workspace is
 * nothing of ours: a repository that somebody else put there could name programs for git to run.
 * @returns undefined when the paths lie in no repository, or in several
 */
export function findPlace(root: string, paths: readonly string[]): Place | undefined {
  const tops = new Set(isTop(root) ? [root] : paths.map((path) => topOf(resolve(root, path), root)));
  const [top] = tops;
  if (top === undefined || tops.size > 1) return undefined;
  const prefix = top === root ? '' : `${relative(root, top).split(sep).join('/')}/`;
  return {
    gitDir: join(top, '.git'),
    toWorkspace: (path) => prefix + path,
    toTree: (path) => (path.startsWith(prefix) ? path.slice(prefix.length) : undefined),
  };
}

const isTop = (folder: string): boolean => existsSync(join(folder, '.git'));

function topOf(start: string, root: string): string | undefined {
  for (let at = start; at.startsWith(root + sep); at = dirname(at)) if (isTop(at)) return at;
  return undefined;
}
