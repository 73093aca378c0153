/** createCommitOnBranch: one commit with compare-and-swap on the head of a branch, signed by the host. */
import { type ApiOutcome, classify, type GitHubAnswer, type GitHubClient } from '../github/index.ts';
import { ActionError, type Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { CommitRequest, CommitResult } from './config-repository.ts';
import { COMMIT } from './github-queries.ts';

const WRITE_MS = 30_000;
const MAX_REQUEST = 30 * 1024 * 1024;

type Refused = Extract<ApiOutcome, { kind: 'permission' | 'not-found' | 'protected' }>;
type Open = Extract<ApiOutcome, { kind: 'conflict' | 'throttled' | 'unknown' }>;
/** What one write came to. Nobody has thrown yet: only the caller knows what else stands when it is refused. */
export type Written = { kind: 'ok'; data: Record<string, unknown> } | Open | { kind: 'refused'; why: Refused };

/** Sends one write; never again by itself. No answer is `unknown`. */
export async function sendWrite(send: () => Promise<GitHubAnswer>, clock: Clock): Promise<Written> {
  let answer: GitHubAnswer;
  try {
    answer = await send();
  } catch (error) {
    return { kind: 'unknown', detail: error instanceof Error ? oneLine(error.message, 200) : 'no answer' };
  }
  const outcome = classify(answer, clock.now());
  if (outcome.kind === 'permission' || outcome.kind === 'not-found' || outcome.kind === 'protected')
    return { kind: 'refused', why: outcome };
  return outcome;
}

/**
 * @param fullName as the host calls the repository now
 * @throws ActionError E_FILE_TOO_LARGE
 */
export async function commitOnBranch(
  client: GitHubClient,
  fullName: string,
  branch: string,
  request: CommitRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<CommitResult | { kind: 'refused'; why: Refused }> {
  const additions = request.changes.map(({ path, bytes }) => ({
    path,
    contents: Buffer.from(bytes).toString('base64'),
  }));
  const size = additions.reduce((sum, a) => sum + a.contents.length, 0);
  if (size > MAX_REQUEST) {
    throw new ActionError('E_FILE_TOO_LARGE', {
      what: 'handoff',
      why: 'the request would be larger than 30 MiB',
      fix: 'Write fewer files in one run',
    });
  }
  const input = {
    branch: { repositoryNameWithOwner: fullName, branchName: branch },
    expectedHeadOid: request.head,
    message: { headline: request.message.headline, body: request.message.body },
    // No deletions key: a null list fails on the server.
    fileChanges: { additions },
    clientMutationId: request.bumpId,
  };
  const written = await sendWrite(() => client.graphql(COMMIT, { input }, signal, WRITE_MS), clock);
  if (written.kind !== 'ok') return written;
  const made = written.data.createCommitOnBranch as {
    commit: { oid: string; url: string; signature: { isValid: boolean } | null } | null;
  } | null;
  if (!made?.commit) return { kind: 'unknown', detail: 'the answer names no commit' };
  const { oid, url, signature } = made.commit;
  return { kind: 'committed', oid, url, verified: signature?.isValid === true };
}
