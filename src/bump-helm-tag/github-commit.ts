/** createCommitOnBranch: one commit with compare-and-swap on the head of a branch, signed by the host. */
import type { GitHubClient } from '../github/index.ts';
import { ActionError, type Clock } from '../runner/index.ts';
import type { CommitRequest, CommitResult } from './config-repository.ts';
import { COMMIT } from './github-queries.ts';
import { type Refused, sendWrite, WRITE_MS } from './github-write.ts';

const MAX_REQUEST = 30 * 1024 * 1024;

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
  if (written.kind !== 'ok') {
    const { answer: _, ...end } = written;
    return end;
  }
  const made = written.data.createCommitOnBranch as {
    commit: { oid: string; url: string; signature: { isValid: boolean } | null } | null;
  } | null;
  if (!made?.commit) return { kind: 'unknown', detail: 'the answer names no commit' };
  const { oid, url, signature } = made.commit;
  return { kind: 'committed', oid, url, verified: signature?.isValid === true };
}
