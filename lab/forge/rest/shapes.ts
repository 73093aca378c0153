/** JSON forms that several routes share. */
import type { Commit } from '../objects.ts';
import type { Pull, Repo } from '../store.ts';

export function repositoryJson(repo: Repo, url: string): Record<string, unknown> {
  return {
    id: repo.id,
    name: repo.name,
    full_name: repo.fullName,
    owner: { login: repo.owner, type: 'Organization' },
    private: repo.private,
    visibility: repo.private ? 'private' : 'public',
    fork: false,
    default_branch: repo.defaultBranch,
    allow_merge_commit: repo.merging.methods.includes('merge'),
    allow_squash_merge: repo.merging.methods.includes('squash'),
    allow_rebase_merge: repo.merging.methods.includes('rebase'),
    allow_auto_merge: repo.merging.auto,
    delete_branch_on_merge: repo.merging.deleteBranch,
    html_url: `${url}/${repo.fullName}`,
    clone_url: `${url}/${repo.fullName}.git`,
  };
}

export function commitJson(repo: Repo, commit: Commit, url: string): Record<string, unknown> {
  const verified = repo.verified.has(commit.oid);
  return {
    sha: commit.oid,
    html_url: `${url}/${repo.fullName}/commit/${commit.oid}`,
    commit: {
      message: commit.message,
      tree: { sha: commit.tree },
      author: commit.author,
      committer: commit.committer,
      verification: { verified, reason: verified ? 'valid' : 'unsigned' },
    },
    author: null,
    committer: null,
    parents: commit.parents.map((sha) => ({ sha })),
  };
}

export const pullId = (repo: Repo, pull: Pull): string => `PR_${repo.id}_${pull.number}`;

export function pullJson(repo: Repo, pull: Pull, url: string): Record<string, unknown> {
  const side = (one: { ref: string; sha: string }): object => ({
    ...one,
    label: `${repo.owner}:${one.ref}`,
    repo: repositoryJson(repo, url),
  });
  const auto = repo.autoMerges.get(pull.number);
  return {
    ...pull,
    node_id: pullId(repo, pull),
    auto_merge:
      auto === undefined
        ? null
        : {
            enabled_by: { login: auto.token.login },
            merge_method: auto.method,
            commit_title: auto.title,
            commit_message: auto.message,
          },
    html_url: `${url}/${repo.fullName}/pull/${pull.number}`,
    mergeable_state: pull.mergeable === null ? 'unknown' : pull.mergeable ? 'clean' : 'dirty',
    head: side(pull.head),
    base: side(pull.base),
  };
}
