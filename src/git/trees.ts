/** New trees from old ones, without index and without the blobs of the repository. */
import type { Git, GitOptions } from './run-git.ts';

export interface TreeEntry {
  mode: string;
  type: string;
  oid: string;
  name: string;
}

/**
 * Entries of a tree; undefined when git cannot read it, or not whole.
 * @param args tree and paths for `git ls-tree -z`
 */
export async function listTree(
  git: Git,
  args: readonly string[],
  options: GitOptions,
): Promise<TreeEntry[] | undefined> {
  const result = await git(['ls-tree', '-z', ...args], options);
  if (result.code !== 0 || result.truncated) return undefined;
  return result.stdout
    .toString('utf8')
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line);
      return { mode: match?.[1] ?? '', type: match?.[2] ?? '', oid: match?.[3] ?? '', name: match?.[4] ?? '' };
    });
}

/**
 * Writes the trees from the leaves to the root; only those on a path are touched.
 * @param tree the tree to change
 * @param blobs path -> mode and object id; every file is there already
 * @returns the new tree, or undefined when git failed or a path is not there
 */
export async function replaceBlobs(
  git: Git,
  tree: string,
  blobs: ReadonlyMap<string, { mode: string; oid: string }>,
  options: GitOptions,
): Promise<string | undefined> {
  const entries = await listTree(git, [tree], options);
  if (entries === undefined) return undefined;
  const below = new Map<string, Map<string, { mode: string; oid: string }>>();
  for (const [path, blob] of blobs) {
    const slash = path.indexOf('/');
    const name = slash < 0 ? path : path.slice(0, slash);
    const entry = entries.find((e) => e.name === name);
    if (entry === undefined) return undefined;
    if (slash < 0) Object.assign(entry, blob);
    else below.set(name, (below.get(name) ?? new Map()).set(path.slice(slash + 1), blob));
  }
  for (const [name, inner] of below) {
    const entry = entries.find((e) => e.name === name);
    const oid = entry?.type === 'tree' ? await replaceBlobs(git, entry.oid, inner, options) : undefined;
    if (entry === undefined || oid === undefined) return undefined;
    entry.oid = oid;
  }
  const input = entries.map((e) => `${e.mode} ${e.type} ${e.oid}\t${e.name}\0`).join('');
  const made = await git(['mktree', '-z', '--missing'], { ...options, input });
  return made.code === 0 ? made.stdout.toString('utf8').trim() : undefined;
}
