/** Merging a proposal without people: when its checks are green, or at once when nothing stands against it. */

import { AUTO_MERGE, AUTO_MERGE_OFF, type MergeMethod } from './github-queries.ts';
import { sendRest, sendWrite, type Unsettled, WRITE_MS } from './github-write.ts';
import { type Host, refusal, withoutAnswer } from './pull-request-branch.ts';
import { lookAt, type ProposalNames, type Pull } from './pull-request-state.ts';
import { restOf, titleOf } from './pull-request-text.ts';

export interface Merging {
  kind: 'merge';
  merged: boolean;
  mergeCommit: string | undefined;
  note: string;
}

interface Proposed {
  oid: string;
  message: string;
}

/**
 * Tries the ways that the repository allows, in turn: a rule of the branch may forbid the first (linear history).
 * @param names where the branch of the pull request is looked at again when somebody has moved it meanwhile
 * @throws ActionError E_PERMISSION_MISSING
 */
export async function autoMerge(
  host: Host,
  pull: Pull,
  methods: readonly MergeMethod[],
  commit: Proposed & { changed: boolean },
  names: ProposalNames,
  signal: AbortSignal,
): Promise<Merging | Unsettled> {
  if (pull.auto && !commit.changed) return open(ON);
  let end: Merging | Unsettled = open('this repository allows no way to merge');
  for (const method of methods) {
    end = await mergeBy(host, pull, method, commit, names, signal);
    if (end.kind !== 'merge' || !WAY_REFUSED.test(end.note)) return end;
  }
  return end;
}

async function mergeBy(
  host: Host,
  pull: Pull,
  method: MergeMethod,
  commit: Proposed,
  names: ProposalNames,
  signal: AbortSignal,
): Promise<Merging | Unsettled> {
  // The host keeps the words it was given first: those of an older bump are taken off before ours can count.
  const taken = pull.auto && method === 'SQUASH';
  if (taken) {
    const off = () => host.client.graphql(AUTO_MERGE_OFF, { input: { pullRequestId: pull.id } }, signal, WRITE_MS);
    const written = await sendWrite(off, host.clock);
    // Refused: it is off already, or what comes next is refused too, in better words.
    if (written.kind === 'throttled' || (written.kind === 'unknown' && !isRefusal(written.answer?.json)))
      return withoutAnswer(written);
  }
  const written = await enable(host, pull, method, commit, signal);
  if (written.kind === 'ok') return open(ON);
  if (written.kind === 'refused' && written.why.kind !== 'protected')
    throw refusal(host.reader, written.why, BOTH, pull.url, `pull request ${pull.number} is open`);
  const detail = written.kind === 'throttled' ? '' : written.kind === 'refused' ? written.why.detail : written.detail;
  // Auto-merge waits for something: where there is nothing to wait for, GitHub refuses it.
  if (/clean status|has_hooks status|rules not configured/i.test(detail))
    return mergeNow(host, pull, method, commit, signal);
  if (/already enabled/i.test(detail)) return open(ON);
  // Of a pull request that has just moved, the host does not know everything at once.
  if (/unknown status|head (branch|sha|oid)|expected head/i.test(detail)) {
    if (taken) await giveBack(host, pull, method, names, signal);
    return { kind: 'unknown', detail };
  }
  if (written.kind === 'refused') return open(`auto-merge was refused: ${detail}`);
  if (written.kind === 'unknown' && isRefusal(written.answer?.json)) return open(`auto-merge was refused: ${detail}`);
  return withoutAnswer(written);
}

function enable(host: Host, pull: Pull, method: MergeMethod, commit: Proposed, signal: AbortSignal) {
  const input = {
    pullRequestId: pull.id,
    expectedHeadOid: commit.oid,
    mergeMethod: method,
    // A squash is worded here: then its trailers do not depend on the settings of the repository.
    ...(method === 'SQUASH' ? { commitHeadline: titleOf(commit.message), commitBody: restOf(commit.message) } : {}),
  };
  return sendWrite(() => host.client.graphql(AUTO_MERGE, { input }, signal, WRITE_MS), host.clock);
}

// A newer bump has moved the branch between: what we have taken off may have been its own. On again, in the words of what stands there.
async function giveBack(host: Host, pull: Pull, method: MergeMethod, names: ProposalNames, signal: AbortSignal) {
  const { tip } = await lookAt(host.reader, names, [], signal);
  if (tip !== undefined) await enable(host, pull, method, tip, signal);
}

async function mergeNow(
  host: Host,
  pull: Pull,
  method: MergeMethod,
  commit: { oid: string; message: string },
  signal: AbortSignal,
): Promise<Merging | Unsettled> {
  const { client, reader, clock } = host;
  const words =
    method === 'SQUASH' ? { commit_title: titleOf(commit.message), commit_message: restOf(commit.message) } : {};
  const body = { sha: commit.oid, merge_method: method.toLowerCase(), ...words };
  const path = `/repos/${reader.fullName}/pulls/${pull.number}/merge`;
  const written = await sendRest(() => client.send('PUT', path, body, signal, WRITE_MS), clock);
  if (written.kind === 'ok') {
    const { merged, sha } = written.data;
    if (merged === true && typeof sha === 'string') return { kind: 'merge', merged: true, mergeCommit: sha, note: '' };
    return { kind: 'unknown', detail: 'the answer does not say that it was merged' };
  }
  if (written.kind === 'refused' && written.why.kind !== 'protected')
    throw refusal(reader, written.why, BOTH, pull.url, `pull request ${pull.number} is open`);
  if (written.kind === 'throttled') return withoutAnswer(written);
  const detail = written.kind === 'refused' ? written.why.detail : written.detail;
  if (written.kind === 'conflict' || /was modified|out of date/i.test(detail)) return { kind: 'conflict', detail };
  // 405: something stands against it after all.
  if (written.answer?.status === 405) return open(`it was not merged: ${detail}`);
  return { kind: 'unknown', detail };
}

const ON = 'auto-merge is on: it merges when nothing stands against it';
/** The branch, or the repository, forbids this way to merge. */
const WAY_REFUSED =
  /(merge commits|squash merg\w+|rebase merg\w+|merge method).*not allowed|must not contain merge commits/i;
const BOTH = 'pull-requests: write and contents: write';

const open = (note: string): Merging => ({ kind: 'merge', merged: false, mergeCommit: undefined, note });

// GitHub gives its own refusals a type; an error without one is a failure of the server.
function isRefusal(json: unknown): boolean {
  const errors = (json as { errors?: unknown } | undefined)?.errors;
  return Array.isArray(errors) && errors.length > 0 && errors.every((e) => typeof e?.type === 'string');
}
