/** One commit on top of the head that was read, and its push with compare-and-swap. */
import { classifyPush, replaceBlobs } from '../git/index.ts';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { CommitRequest, CommitResult } from './config-repository.ts';
import type { Branch } from './git-branch.ts';
import { type RemoteErrors, shown } from './git-errors.ts';
import type { GitAddress } from './git-store.ts';

const THROTTLED_SECONDS = 30;

/**
 * Makes the commit in the store.
 * @param now seconds since 1970
 * @throws ActionError
 */
export async function makeCommit(
  branch: Branch,
  address: GitAddress,
  errors: RemoteErrors,
  request: CommitRequest,
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const { git } = branch;
  const text = (result: { stdout: Buffer }): string => result.stdout.toString('latin1').trim();
  const blobs = new Map<string, { mode: string; oid: string }>();
  for (const { path, mode, bytes } of request.changes) {
    // No --path: no filters, no conversion of line ends.
    const blob = await git(['hash-object', '-w', '--stdin'], { input: bytes, signal });
    if (signal.aborted) throw signal.reason;
    if (blob.code !== 0) throw errors.failure('the new file could not be stored', blob);
    blobs.set(path, { mode, oid: text(blob) });
  }
  const tree = await replaceBlobs(git, `${request.head}^{tree}`, blobs, { signal });
  if (signal.aborted) throw signal.reason;
  if (tree === undefined) throw errors.failure('the new tree could not be made');
  const { name, email } = address.author;
  const who = (role: string): [string, string][] => [
    [`GIT_${role}_NAME`, name],
    [`GIT_${role}_EMAIL`, email],
    [`GIT_${role}_DATE`, `${Math.floor(now)} +0000`],
  ];
  const result = await git(['commit-tree', tree, '-p', request.head, '-F', '-'], {
    signal,
    input: `${request.message.headline}\n\n${request.message.body}\n`,
    env: Object.fromEntries([...who('AUTHOR'), ...who('COMMITTER')]),
  });
  if (signal.aborted) throw signal.reason;
  if (result.code !== 0) throw errors.failure('the commit could not be made', result);
  return text(result);
}

/**
 * Pushes it if the branch still stands where it was read.
 * @throws ActionError for what will not get better by trying again
 */
export async function pushCommit(
  branch: Branch,
  address: GitAddress,
  oid: string,
  base: string,
  signal: AbortSignal,
): Promise<Exclude<CommitResult, { kind: 'committed' }> | { kind: 'committed' }> {
  const ref = `refs/heads/${address.branch}`;
  const lease = `--force-with-lease=${ref}:${base}`;
  const pushed = await branch.git(['push', '--porcelain', '--no-verify', lease, 'origin', `${oid}:${ref}`], {
    signal,
    network: true,
  });
  const result = classifyPush(ref, pushed.code, pushed.stdoutTail, pushed.stderrTail);
  switch (result.kind) {
    case 'committed':
    case 'conflict':
      return result;
    case 'protected':
      throw new ActionError('E_BRANCH_PROTECTED', {
        what: `branch ${oneLine(address.branch, 120)} of ${shown(address)}`,
        why: result.detail,
        fix: 'Let the writer bypass the rule for this branch',
      });
    case 'access':
      throw await branch.store.refused(result.access, signal);
    default:
      if (/error: 429/.test(pushed.stderrTail)) return { kind: 'throttled', waitSeconds: THROTTLED_SECONDS };
      return { kind: 'unknown', detail: result.detail };
  }
}
