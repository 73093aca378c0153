/**
 * The branch of a proposal. The commit is made on a scratch branch at the head of the base; then one request moves the branch
 * of the proposal to it and deletes the scratch, both or neither. Nobody ever sees a branch that proposes half of it.
 */
import type { GitHubClient } from '../github/index.ts';
import { ActionError, type Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { commitOnBranch } from './github-commit.ts';
import { CREATE_REF, UPDATE_REFS } from './github-queries.ts';
import type { GitHubReader } from './github-reader.ts';
import { type Refused, sendWrite, type Unsettled, WRITE_MS, type Written } from './github-write.ts';
import type { ProposalRequest } from './pull-request-port.ts';
import { isOwn, type ProposalNames, type ProposalState, proposesExactly } from './pull-request-state.ts';

export interface Host {
  client: GitHubClient;
  reader: GitHubReader;
  clock: Clock;
}

export interface Moved {
  kind: 'moved';
  oid: string;
  verified: boolean;
}

/** @throws ActionError E_PERMISSION_MISSING, E_BRANCH_PROTECTED, E_FILE_TOO_LARGE */
export async function moveBranch(
  host: Host,
  names: ProposalNames,
  state: ProposalState,
  request: ProposalRequest,
  signal: AbortSignal,
): Promise<Moved | Unsettled> {
  const { clock, client, reader } = host;
  const ready = await scratchAtHead(host, names, state, request, signal);
  if (ready !== undefined) return unsettled(reader, names, ready);
  let made = ownScratch(state, request);
  if (made === undefined) {
    const result = await commitOnBranch(client, reader.fullName, names.scratch, request, clock, signal);
    if (result.kind === 'refused') throw refusal(reader, result.why, RIGHT, names.scratch, NOTHING);
    if (result.kind !== 'committed') return result;
    made = result;
  }
  const { oid, verified } = made;
  const nothing = '0'.repeat(oid.length);
  const written = await updateRefs(host, state.repositoryId, request.bumpId, signal, [
    { name: `refs/heads/${names.branch}`, beforeOid: state.tip?.oid ?? nothing, afterOid: oid, force: true },
    { name: `refs/heads/${names.scratch}`, beforeOid: oid, afterOid: nothing, force: true },
  ]);
  return written.kind === 'ok' ? { kind: 'moved', oid, verified } : unsettled(reader, names, written);
}

// @returns undefined when the scratch branch stands at the head of the base, or holds our commit already
async function scratchAtHead(
  host: Host,
  names: ProposalNames,
  state: ProposalState,
  request: ProposalRequest,
  signal: AbortSignal,
): Promise<Exclude<Written, { kind: 'ok' }> | undefined> {
  const { repositoryId, scratch } = state;
  if (scratch?.oid === request.head || ownScratch(state, request) !== undefined) return undefined;
  const name = `refs/heads/${names.scratch}`;
  const clientMutationId = request.bumpId;
  const input = { repositoryId, name, oid: request.head, clientMutationId };
  const written =
    scratch === undefined
      ? await sendWrite(() => host.client.graphql(CREATE_REF, { input }, signal, WRITE_MS), host.clock)
      : // Left from an earlier round of this run, on an older head.
        await updateRefs(host, repositoryId, clientMutationId, signal, [
          { name, beforeOid: scratch.oid, afterOid: request.head, force: true },
        ]);
  return written.kind === 'ok' ? undefined : written;
}

// The commit of a lost answer.
function ownScratch(state: ProposalState, request: ProposalRequest): { oid: string; verified: boolean } | undefined {
  const { scratch } = state;
  if (scratch === undefined || !isOwn(scratch, request.bumpId) || !proposesExactly(scratch, request)) return undefined;
  return { oid: scratch.oid, verified: scratch.signature?.isValid === true };
}

interface RefUpdate {
  name: string;
  beforeOid: string;
  afterOid: string;
  force: boolean;
}

function updateRefs(
  host: Host,
  repositoryId: string,
  clientMutationId: string,
  signal: AbortSignal,
  refUpdates: readonly RefUpdate[],
): Promise<Written> {
  const input = { repositoryId, refUpdates, clientMutationId };
  return sendWrite(() => host.client.graphql(UPDATE_REFS, { input }, signal, WRITE_MS), host.clock);
}

/** Deletes the scratch branch where it stands. */
export function dropScratch(
  host: Host,
  names: ProposalNames,
  found: { repositoryId: string; oid: string },
  signal: AbortSignal,
): Promise<Written> {
  const name = `refs/heads/${names.scratch}`;
  const gone = '0'.repeat(found.oid.length);
  return updateRefs(host, found.repositoryId, 'close', signal, [
    { name, beforeOid: found.oid, afterOid: gone, force: true },
  ]);
}

const RIGHT = 'contents: write';
const NOTHING = 'nothing was proposed';

function unsettled(reader: GitHubReader, names: ProposalNames, written: Exclude<Written, { kind: 'ok' }>): Unsettled {
  if (written.kind === 'refused') throw refusal(reader, written.why, RIGHT, names.branch, NOTHING);
  return withoutAnswer(written);
}

export function withoutAnswer(written: Exclude<Written, { kind: 'ok' | 'refused' }>): Unsettled {
  return written.kind === 'throttled'
    ? { kind: 'throttled', waitSeconds: written.waitSeconds }
    : { kind: written.kind, detail: written.detail };
}

/** @param right what the token lacks @param branch the one that is protected @param stands what is there all the same */
export function refusal(
  reader: GitHubReader,
  why: Refused,
  right: string,
  branch: string,
  stands: string,
): ActionError {
  const detail = `${oneLine(why.detail, 300)}; ${stands}`;
  if (why.kind === 'not-found') return reader.notFound(detail);
  if (why.kind === 'permission')
    return new ActionError('E_PERMISSION_MISSING', {
      what: `pull request in ${reader.shown}`,
      why: `the token was refused: ${detail}`,
      fix: `Give it ${right} on this repository alone`,
    });
  return new ActionError('E_BRANCH_PROTECTED', {
    what: `branch ${oneLine(branch, 200)}`,
    why: detail,
    fix: 'Let the App create, move and delete branches below bump/',
  });
}
