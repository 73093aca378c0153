/** Pull requests: the node, and enablePullRequestAutoMerge with the words in which GitHub refuses it. */
import { NOT_ALLOWED } from '../merge.ts';
import { refreshPulls } from '../pulls.ts';
import { pullId, pullJson } from '../rest/shapes.ts';
import { mergeViolations } from '../rules.ts';
import type { MergeMethod, Pull, Repo } from '../store.ts';
import { mayWrite, sees } from '../tokens.ts';
import { FORBIDDEN, type GraphqlContext, Refusal } from './context.ts';

interface AutoMergeInput {
  pullRequestId: string;
  expectedHeadOid?: string | null;
  mergeMethod?: string | null;
  commitHeadline?: string | null;
  commitBody?: string | null;
  clientMutationId?: string | null;
}

export function pullNode(repo: Repo, pull: Pull, context: GraphqlContext): object {
  const json = pullJson(repo, pull, context.url);
  return {
    __typename: 'PullRequest',
    id: pullId(repo, pull),
    number: pull.number,
    title: pull.title,
    body: pull.body,
    url: json.html_url,
    state: pull.merged ? 'MERGED' : pull.state.toUpperCase(),
    merged: pull.merged,
    isDraft: pull.draft,
    mergeable: pull.mergeable === null ? 'UNKNOWN' : pull.mergeable ? 'MERGEABLE' : 'CONFLICTING',
    headRefName: pull.head.ref,
    headRefOid: pull.head.sha,
    baseRefName: pull.base.ref,
    baseRefOid: pull.base.sha,
  };
}

export async function enablePullRequestAutoMerge(input: AutoMergeInput, context: GraphqlContext): Promise<object> {
  const { repo, pull } = permitted(input.pullRequestId, context);
  await refreshPulls(repo);
  const method = (input.mergeMethod ?? 'MERGE').toLowerCase() as MergeMethod;
  const why = refusal(repo, pull, method, input.expectedHeadOid ?? undefined, context);
  if (why !== undefined) throw new Refusal('UNPROCESSABLE', why);
  // Once it is on, its way and its words stay as they are until it is off.
  if (!repo.autoMerges.has(pull.number))
    repo.autoMerges.set(pull.number, {
      token: context.token,
      method,
      title: input.commitHeadline ?? '',
      message: input.commitBody ?? '',
    });
  return payload(input, repo, pull, context);
}

export async function disablePullRequestAutoMerge(
  input: Pick<AutoMergeInput, 'pullRequestId' | 'clientMutationId'>,
  context: GraphqlContext,
): Promise<object> {
  const { repo, pull } = permitted(input.pullRequestId, context);
  if (!repo.autoMerges.delete(pull.number))
    throw new Refusal('UNPROCESSABLE', "Can't disable auto-merge for this pull request");
  return payload(input, repo, pull, context);
}

function permitted(id: string, context: GraphqlContext): { repo: Repo; pull: Pull } {
  const { repo, pull } = found(id, context);
  const may = (['contents', 'pull_requests'] as const).every((right) => mayWrite(context.token, repo, right));
  if (!may) throw new Refusal('FORBIDDEN', FORBIDDEN);
  return { repo, pull };
}

function payload(
  { clientMutationId }: Pick<AutoMergeInput, 'clientMutationId'>,
  repo: Repo,
  pull: Pull,
  context: GraphqlContext,
): object {
  return {
    clientMutationId: clientMutationId ?? null,
    actor: null,
    pullRequest: () => pullNode(repo, pull, context),
  };
}

function refusal(
  repo: Repo,
  pull: Pull,
  method: MergeMethod,
  expectedHead: string | undefined,
  context: GraphqlContext,
): string | undefined {
  if (!repo.merging.auto) return 'Auto merge is not allowed for this repository';
  if (!repo.merging.methods.includes(method)) return NOT_ALLOWED[method];
  if (pull.state !== 'open') return 'Pull request Pull request is closed';
  if (expectedHead !== undefined && expectedHead !== pull.head.sha)
    return 'Head branch was modified. Review and try the merge again.';
  if (pull.mergeable === false || mergeViolations(repo, pull, context.token).length > 0) return undefined;
  // Nothing stands against merging it now, so there is nothing to wait for.
  return `Pull request Pull request is in ${isStable(repo, pull) ? 'clean' : 'unstable'} status`;
}

function isStable(repo: Repo, pull: Pull): boolean {
  const checks = repo.checks.filter((check) => check.head_sha === pull.head.sha);
  const statuses = repo.statuses.filter((status) => status.sha === pull.head.sha);
  return (
    checks.every((check) => ['success', 'neutral', 'skipped'].includes(check.conclusion ?? '')) &&
    statuses.every((status) => status.state === 'success')
  );
}

function found(id: string, context: GraphqlContext): { repo: Repo; pull: Pull } {
  for (const repo of context.repositories()) {
    const pull = repo.pulls.find((one) => pullId(repo, one) === id);
    if (pull !== undefined && sees(context.token, repo)) return { repo, pull };
  }
  throw new Refusal('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'.`);
}
