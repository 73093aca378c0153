/** Pull requests: kept in step with their branches, and merged. */
import { git, gitRaw } from './git.ts';
import { isAncestor } from './history.ts';
import { mergeViolations, violationText, wantsUpToDate } from './rules.ts';
import type { Pull, Repo } from './store.ts';
import type { Token } from './tokens.ts';

const FORGE = {
  GIT_AUTHOR_NAME: 'GitHub',
  GIT_AUTHOR_EMAIL: 'noreply@github.com',
  GIT_COMMITTER_NAME: 'GitHub',
  GIT_COMMITTER_EMAIL: 'noreply@github.com',
};

/** Follows the branches of the open pull requests: `head.sha`, `base.sha`, `refs/pull/<n>/head` and `refs/pull/<n>/merge`. */
export async function refreshPulls(repo: Repo): Promise<void> {
  if (!repo.pulls.some((pull) => pull.state === 'open')) return;
  await repo.exclusive(async () => {
    for (const pull of repo.pulls.filter((one) => one.state === 'open')) await refresh(repo, pull);
  });
}

async function refresh(repo: Repo, pull: Pull): Promise<void> {
  const head = (await repo.tip(`refs/heads/${pull.head.ref}`))?.oid ?? pull.head.sha;
  const base = (await repo.tip(`refs/heads/${pull.base.ref}`))?.oid ?? pull.base.sha;
  if (pull.mergeable !== null && head === pull.head.sha && base === pull.base.sha) return;
  pull.head.sha = head;
  pull.base.sha = base;
  const merge = await mergeCommit(repo, [base, head], head, `Merge ${head} into ${base}`);
  pull.mergeable = merge !== undefined;
  pull.merge_commit_sha = merge ?? null;
  const ref = `refs/pull/${pull.number}`;
  const merged = merge === undefined ? '' : `update ${ref}/merge ${merge}\n`;
  await git(repo.path, ['update-ref', '--stdin'], `update ${ref}/head ${head}\n${merged}`);
}

export interface MergeWanted {
  /** Head the caller has seen; '' for any. */
  sha: string;
  method: string;
  title: string;
  message: string;
}

/** @returns the merge commit, or the status and message of the refusal */
export async function mergePull(
  repo: Repo,
  pull: Pull,
  token: Token,
  wanted: MergeWanted,
): Promise<{ sha: string } | { status: number; message: string }> {
  await refreshPulls(repo);
  return repo.exclusive(async () => {
    if (pull.state !== 'open' || pull.draft) return { status: 405, message: 'Pull Request is not mergeable' };
    if (wanted.sha !== '' && wanted.sha !== pull.head.sha) {
      return { status: 409, message: 'Head branch was modified. Review and try the merge again.' };
    }
    const why = mergeViolations(repo, pull, token);
    if (why.length > 0) return { status: 405, message: violationText(why).trimEnd() };
    const ref = `refs/heads/${pull.base.ref}`;
    const base = (await repo.tip(ref))?.oid ?? '';
    if (wantsUpToDate(repo, ref, token) && !(await isAncestor(repo.path, base, pull.head.sha))) {
      return { status: 405, message: 'Head branch is out of date. Review and try the merge again.' };
    }
    if (wanted.method !== 'merge' && wanted.method !== 'squash') {
      return { status: 405, message: `The lab's forge does not merge by ${wanted.method}` };
    }
    const parents = wanted.method === 'merge' ? [base, pull.head.sha] : [base];
    const title =
      wanted.title ||
      (wanted.method === 'merge'
        ? `Merge pull request #${pull.number} from ${repo.owner}/${pull.head.ref}`
        : `${pull.title} (#${pull.number})`);
    const body = wanted.message || (wanted.method === 'merge' ? pull.title : '');
    const merge = await mergeCommit(repo, parents, pull.head.sha, body === '' ? title : `${title}\n\n${body}`);
    if (merge === undefined) return { status: 405, message: 'Pull Request has merge conflicts' };
    const moved = await gitRaw(repo.path, ['update-ref', ref, merge, base]);
    if (moved.code !== 0) return { status: 405, message: 'Base branch was modified. Review and try the merge again.' };
    repo.verified.add(merge);
    Object.assign(pull, { state: 'closed', merged: true, merge_commit_sha: merge });
    return { sha: merge };
  });
}

// @returns undefined when the two do not merge cleanly
async function mergeCommit(
  repo: Repo,
  parents: readonly string[],
  head: string,
  message: string,
): Promise<string | undefined> {
  const tree = await gitRaw(repo.path, ['merge-tree', '--write-tree', parents[0] ?? '', head]);
  if (tree.code !== 0) return undefined;
  const oid = tree.stdout.toString('latin1').split('\n')[0] ?? '';
  const args = ['commit-tree', oid, ...parents.flatMap((parent) => ['-p', parent]), '-F', '-'];
  return (await git(repo.path, args, message, FORGE)).toString('latin1').trim();
}
