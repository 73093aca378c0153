/** Walks over history: newest first, by path as `git log -- <path>` does it, and the two sides of a comparison. */
import { git, gitRaw } from './git.ts';
import type { Commit, Objects } from './objects.ts';

/**
 * Commits from one on, newest first by committer date. With a path: only those that changed it; at a merge the walk follows
 * the first parent that has the same content (history simplification of git-log).
 */
export async function* walk(objects: Objects, from: string, path?: string): AsyncGenerator<Commit> {
  const seen = new Set<string>();
  const queue: Commit[] = [];
  const push = async (oid: string): Promise<void> => {
    if (seen.has(oid)) return;
    seen.add(oid);
    const commit = await objects.commit(oid);
    if (commit === undefined) return;
    const at = queue.findIndex((other) => other.time < commit.time);
    queue.splice(at < 0 ? queue.length : at, 0, commit);
  };
  await push(from);
  for (let commit = queue.shift(); commit !== undefined; commit = queue.shift()) {
    if (path === undefined) {
      yield commit;
      for (const parent of commit.parents) await push(parent);
      continue;
    }
    const mine = await contentAt(objects, commit, path);
    const theirs = await Promise.all(
      commit.parents.map(async (oid) => {
        const parent = await objects.commit(oid);
        return parent === undefined ? undefined : contentAt(objects, parent, path);
      }),
    );
    const same = theirs.indexOf(mine);
    if (same >= 0) {
      await push(commit.parents[same] ?? '');
      continue;
    }
    if (commit.parents.length > 0 || mine !== '') yield commit;
    for (const parent of commit.parents) await push(parent);
  }
}

/** A page of a walk, and whether there is more. */
export async function page(
  commits: AsyncGenerator<Commit>,
  skip: number,
  count: number,
): Promise<{ commits: Commit[]; more: boolean }> {
  const found: Commit[] = [];
  let at = 0;
  for await (const commit of commits) {
    if (at++ < skip) continue;
    if (found.length === count) return { commits: found, more: true };
    found.push(commit);
  }
  return { commits: found, more: false };
}

export async function isAncestor(dir: string, older: string, newer: string): Promise<boolean> {
  return (await gitRaw(dir, ['merge-base', '--is-ancestor', older, newer])).code === 0;
}

export interface Comparison {
  status: 'ahead' | 'behind' | 'identical' | 'diverged';
  mergeBase: string;
  /** Commits of head that base has not, oldest first. */
  ahead: readonly string[];
  behind: number;
}

/** @returns undefined when the two have no common ancestor (GitHub answers 404) */
export async function compare(dir: string, base: string, head: string): Promise<Comparison | undefined> {
  if (base === head) return { status: 'identical', mergeBase: base, ahead: [], behind: 0 };
  const lines = (await git(dir, ['rev-list', '--left-right', `${base}...${head}`])).toString('latin1').split('\n');
  const ahead = lines.filter((line) => line.startsWith('>')).map((line) => line.slice(1));
  const behind = lines.filter((line) => line.startsWith('<')).length;
  ahead.reverse();
  if (ahead.length === 0) return { status: 'behind', mergeBase: head, ahead, behind };
  if (behind === 0) return { status: 'ahead', mergeBase: base, ahead, behind };
  const mergeBase = (await git(dir, ['merge-base', '--all', base, head]).catch(() => Buffer.alloc(0)))
    .toString('latin1')
    .split('\n')[0];
  return mergeBase ? { status: 'diverged', mergeBase, ahead, behind } : undefined;
}

/** Files that differ between two commits, as the compare and pull request routes list them. */
export async function changedFiles(dir: string, from: string, to: string): Promise<object[]> {
  const out = (await git(dir, ['diff-tree', '-r', '-z', '-M', '--raw', '--no-abbrev', from, to])).toString('utf8');
  const fields = out.split('\0');
  const words: Record<string, string> = { A: 'added', M: 'modified', D: 'removed', R: 'renamed', T: 'changed' };
  const files: object[] = [];
  for (let i = 0; i + 1 < fields.length; ) {
    const [, , , sha = '', word = ''] = (fields[i++] ?? '').split(' ');
    const first = fields[i++] ?? '';
    const second = word.startsWith('R') ? fields[i++] : undefined;
    files.push({
      sha,
      filename: second ?? first,
      status: words[word[0] ?? ''] ?? 'changed',
      ...(second === undefined ? {} : { previous_filename: first }),
    });
  }
  return files;
}

// What stands at a path, as one word: mode and object; '' for nothing.
async function contentAt(objects: Objects, commit: Commit, path: string): Promise<string> {
  const entry = await objects.entry(commit.tree, path);
  return entry === undefined ? '' : `${entry.mode} ${entry.oid}`;
}
