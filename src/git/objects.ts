/** What is in the store, asked before it is read. */
import type { Git, GitOptions } from './run-git.ts';

/**
 * The full id of a commit that is in the store; undefined for what is not there, or is no commit.
 * @param name a ref or an id; text that looks like an option stays a name
 */
export async function resolveCommit(git: Git, name: string, options: GitOptions): Promise<string | undefined> {
  const result = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`], options);
  const oid = result.stdout.toString('latin1').trim();
  return result.code === 0 && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(oid) ? oid : undefined;
}

/** Bytes of each blob that is in the store; the others are left out. */
export async function blobSizes(git: Git, oids: readonly string[], options: GitOptions): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  if (oids.length === 0) return sizes;
  const input = oids.map((oid) => `${oid}\n`).join('');
  const result = await git(['cat-file', '--batch-check'], { ...options, input });
  for (const line of result.stdout.toString('latin1').split('\n')) {
    const match = /^([0-9a-f]+) blob (\d+)$/.exec(line);
    if (match !== null) sizes.set(match[1] ?? '', Number(match[2]));
  }
  return sizes;
}

/**
 * Files that one tree has under another name than the other, by their content (`git diff -M`).
 * @param paths where to look; empty: everywhere
 * @returns new path -> old path; empty also when git cannot tell
 */
export async function renamesOf(
  git: Git,
  from: string,
  to: string,
  paths: readonly string[],
  options: GitOptions,
): Promise<Map<string, string>> {
  // The plumbing command: settings of the repository about diffs have no say.
  const args = ['diff-tree', '-r', '-M', '-z', '--name-status', '--no-ext-diff', '--no-textconv', '--diff-filter=R'];
  const result = await git([...args, from, to, '--', ...paths], options);
  const renames = new Map<string, string>();
  if (result.code !== 0 || result.truncated) return renames;
  const words = result.stdout.toString('utf8').split('\0');
  for (let i = 0; i + 2 < words.length; i += 3) renames.set(words[i + 2] ?? '', words[i + 1] ?? '');
  return renames;
}
