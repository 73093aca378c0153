/** How a pull request becomes commits of its base: by a merge commit, squashed into one, or rebased one by one. */
import { git, gitRaw } from './git.ts';
import { compare } from './history.ts';
import type { Commit } from './objects.ts';
import type { MergeMethod, Pull, Repo } from './store.ts';

const FORGE = {
  GIT_AUTHOR_NAME: 'GitHub',
  GIT_AUTHOR_EMAIL: 'noreply@github.com',
  GIT_COMMITTER_NAME: 'GitHub',
  GIT_COMMITTER_EMAIL: 'noreply@github.com',
};

/** Words for people who may not merge so. */
export const NOT_ALLOWED: Readonly<Record<MergeMethod, string>> = {
  merge: 'Merge commits are not allowed on this repository.',
  squash: 'Squash merges are not allowed on this repository.',
  rebase: 'Rebase merges are not allowed on this repository.',
};

/**
 * Makes the commits; moves no branch.
 * @param wanted empty words: GitHub's defaults
 * @returns the new head of the base, or undefined when the two do not merge cleanly
 */
export async function mergeBy(
  repo: Repo,
  pull: Pull,
  base: string,
  wanted: { method: MergeMethod; title: string; message: string },
): Promise<string | undefined> {
  const head = pull.head.sha;
  const ahead = (await compare(repo.path, base, head))?.ahead ?? [];
  const commits = (await Promise.all(ahead.map((oid) => repo.objects.commit(oid)))).flatMap((c) => c ?? []);
  if (wanted.method === 'rebase') return rebase(repo, base, commits);
  if (wanted.method === 'merge') {
    const title = wanted.title || `Merge pull request #${pull.number} from ${repo.owner}/${pull.head.ref}`;
    return mergeCommit(repo, [base, head], head, joined(title, wanted.message || pull.title));
  }
  const [only, second] = commits;
  // One commit lends its own words, several are listed.
  const single = second === undefined ? only : undefined;
  const [first = '', ...rest] = (single?.message ?? pull.title).split('\n');
  const list = single === undefined ? commits.map((c) => `* ${c.message.trim()}`).join('\n\n') : rest.join('\n').trim();
  return mergeCommit(repo, [base], head, joined(wanted.title || `${first} (#${pull.number})`, wanted.message || list));
}

/** @returns undefined when the two do not merge cleanly */
export async function mergeCommit(
  repo: Repo,
  parents: readonly string[],
  head: string,
  message: string,
): Promise<string | undefined> {
  const tree = await gitRaw(repo.path, ['merge-tree', '--write-tree', parents[0] ?? '', head]);
  if (tree.code !== 0) return undefined;
  return commitTree(repo, tree.stdout, parents, message, FORGE);
}

async function rebase(repo: Repo, base: string, commits: readonly Commit[]): Promise<string | undefined> {
  let onto = base;
  for (const commit of commits) {
    // What the commits before it have changed stands on both sides by now, and merges with itself.
    const tree = await gitRaw(repo.path, ['merge-tree', '--write-tree', onto, commit.oid]);
    if (tree.code !== 0) return undefined;
    const { name, email, date } = commit.author;
    const author = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date };
    onto = await commitTree(repo, tree.stdout, [onto], commit.message, { ...FORGE, ...author });
  }
  return onto;
}

async function commitTree(
  repo: Repo,
  tree: Buffer,
  parents: readonly string[],
  message: string,
  env: Record<string, string>,
): Promise<string> {
  const oid = tree.toString('latin1').split('\n')[0] ?? '';
  const args = ['commit-tree', oid, ...parents.flatMap((parent) => ['-p', parent]), '-F', '-'];
  return (await git(repo.path, args, message, env)).toString('latin1').trim();
}

const joined = (title: string, body: string): string => (body === '' ? title : `${title}\n\n${body}`);
