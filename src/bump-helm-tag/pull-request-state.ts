/** What the host has of a proposal: its branch, a scratch branch, its pull requests. Reads only. */

import type { CommitRequest } from './config-repository.ts';
import { blobOid } from './github-files.ts';
import type { LoggedNode, MergeMethod } from './github-queries.ts';
import { pathVariables, proposalQuery } from './github-queries.ts';
import type { GitHubReader } from './github-reader.ts';
import { parseBlocks } from './trailers.ts';

export interface Tip extends LoggedNode {
  parents: { nodes: { oid: string }[] };
  changedFilesIfAvailable: number | null;
  signature: { isValid: boolean } | null;
  [file: `f${number}`]: { mode: number; type: string; oid: string } | null;
}

export interface Pull {
  number: number;
  /** For GraphQL. */
  id: string;
  url: string;
  state: 'open' | 'closed' | 'merged';
  head: string;
  mergeCommit: string | undefined;
  body: string;
  /** Auto-merge is on. */
  auto: boolean;
}

export interface ProposalState {
  repositoryId: string;
  /** Ways to merge that the repository allows, the best first. */
  methods: readonly MergeMethod[];
  tip: Tip | undefined;
  scratch: Tip | undefined;
  /** Of this repository alone, from this branch to the base; newest first. */
  pulls: readonly Pull[];
}

export interface ProposalNames {
  base: string;
  branch: string;
  scratch: string;
}

/** @param paths files of which the object at the tips is wanted */
export async function lookAt(
  reader: GitHubReader,
  names: ProposalNames,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ProposalState> {
  const variables = {
    ref: `refs/heads/${names.branch}`,
    scratch: `refs/heads/${names.scratch}`,
    ...pathVariables(paths),
  };
  const found = await reader.query(proposalQuery(paths.length), variables, signal);
  const tipOf = (ref: unknown): Tip | undefined => (ref as { target: Tip } | null)?.target;
  const methods: readonly [MergeMethod, unknown][] = [
    ['MERGE', found.mergeCommitAllowed],
    ['SQUASH', found.squashMergeAllowed],
    ['REBASE', found.rebaseMergeAllowed],
  ];
  return {
    repositoryId: String(found.id),
    methods: methods.filter(([, allowed]) => allowed === true).map(([method]) => method),
    tip: tipOf(found.ref),
    scratch: tipOf(found.scratch),
    pulls: await pullsOf(reader, names, signal),
  };
}

interface PullJson {
  number: number;
  node_id: string;
  html_url: string;
  state: string;
  body: string | null;
  auto_merge?: object | null;
  merged_at: string | null;
  merge_commit_sha: string | null;
  head: { ref: string; sha: string; repo: { full_name: string } | null };
}

/** By REST: it lists by the owner of the branch, so that forks with a branch of that name cannot crowd ours out. */
export async function pullsOf(reader: GitHubReader, names: ProposalNames, signal: AbortSignal): Promise<Pull[]> {
  const owner = reader.fullName.split('/')[0] ?? '';
  const query = new URLSearchParams({
    state: 'all',
    head: `${owner}:${names.branch}`,
    base: names.base,
    sort: 'created',
    direction: 'desc',
    per_page: '30',
  });
  const list = await reader.get(`/pulls?${query}`, signal, 'pull-requests: write');
  if (!Array.isArray(list)) throw reader.unreadable('the pull requests could not be read');
  return (list as PullJson[])
    .filter((pull) => pull.head.ref === names.branch && pull.head.repo?.full_name === reader.fullName)
    .map(readPull);
}

export function readPull(json: PullJson): Pull {
  const merged = typeof json.merged_at === 'string';
  return {
    number: json.number,
    id: json.node_id,
    url: json.html_url,
    state: merged ? 'merged' : json.state === 'open' ? 'open' : 'closed',
    head: json.head.sha,
    mergeCommit: merged && json.merge_commit_sha !== null ? json.merge_commit_sha : undefined,
    body: json.body ?? '',
    auto: typeof json.auto_merge === 'object' && json.auto_merge !== null,
  };
}

/** True when the tip is one commit on the head of the request, with exactly its changes. */
export function proposesExactly(tip: Tip, request: CommitRequest): boolean {
  return (
    tip.parents.nodes.length === 1 &&
    tip.parents.nodes[0]?.oid === request.head &&
    tip.changedFilesIfAvailable === request.changes.length &&
    request.changes.every(({ bytes }, i) => {
      const file = tip[`f${i}`];
      return file?.mode === 0o100644 && file.oid === blobOid(bytes, file.oid.length);
    })
  );
}

export function isOwn(tip: Tip, bumpId: string): boolean {
  return parseBlocks(tip.message).some((block) => block.bumpId === bumpId);
}

/** The pull request of the tip that people have closed or merged: then nothing waits there any more. */
export function settledBy(state: ProposalState): Pull | undefined {
  const newest = state.pulls[0];
  return newest !== undefined && newest.state !== 'open' && newest.head === state.tip?.oid ? newest : undefined;
}
