/** Pull requests: kept in step with their branches, and merged. */
import { git, gitRaw } from './git.ts';
import { isAncestor } from './history.ts';
import { mergeBy, mergeCommit, NOT_ALLOWED } from './merge.ts';
import { mergeViolations, violationText, wantsUpToDate } from './rules.ts';
import type { MergeMethod, Pull, Repo } from './store.ts';
import type { Token } from './tokens.ts';

/** Follows the branches of the open pull requests: `head.sha`, `base.sha`, `refs/pull/<n>/head` and `refs/pull/<n>/merge`. */
export async function refreshPulls(repo: Repo): Promise<void> {
  if (!repo.pulls.some((pull) => pull.state === 'open')) return;
  await repo.exclusive(async () => {
    for (const pull of repo.pulls.filter((one) => one.state === 'open')) await refresh(repo, pull);
  });
}

async function refresh(repo: Repo, pull: Pull): Promise<void> {
  const tip = (await repo.tip(`refs/heads/${pull.head.ref}`))?.oid;
  if (tip === undefined) {
    // Whose branch is gone is closed.
    pull.state = 'closed';
    repo.autoMerges.delete(pull.number);
    return;
  }
  const head = tip;
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
    const method = wanted.method as MergeMethod;
    if (!repo.merging.methods.includes(method)) {
      return { status: 405, message: NOT_ALLOWED[method] ?? `"${wanted.method}" is no way to merge` };
    }
    const why = mergeViolations(repo, pull, token);
    if (why.length > 0) return { status: 405, message: violationText(why).trimEnd() };
    const ref = `refs/heads/${pull.base.ref}`;
    const base = (await repo.tip(ref))?.oid ?? '';
    if (wantsUpToDate(repo, ref, token) && !(await isAncestor(repo.path, base, pull.head.sha))) {
      return { status: 405, message: 'Head branch is out of date. Review and try the merge again.' };
    }
    const merge = await mergeBy(repo, pull, base, { ...wanted, method });
    if (merge === undefined) return { status: 405, message: 'Pull Request has merge conflicts' };
    const moved = await gitRaw(repo.path, ['update-ref', ref, merge, base]);
    if (moved.code !== 0) return { status: 405, message: 'Base branch was modified. Review and try the merge again.' };
    // Rebased commits lose their signature: GitHub signs what it words itself.
    if (method !== 'rebase') repo.verified.add(merge);
    repo.autoMerges.delete(pull.number);
    Object.assign(pull, {
      state: 'closed',
      merged: true,
      merged_at: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      merge_commit_sha: merge,
    });
    if (repo.merging.deleteBranch) await gitRaw(repo.path, ['update-ref', '-d', `refs/heads/${pull.head.ref}`]);
    return { sha: merge };
  });
}

/** Merges what was waiting for a check or a review that has come by now. */
export async function runAutoMerges(repo: Repo): Promise<void> {
  for (const [number, auto] of [...repo.autoMerges]) {
    const pull = repo.pulls.find((one) => one.number === number);
    if (pull !== undefined) await mergePull(repo, pull, auto.token, { ...auto, sha: '' });
  }
}
