/** Merging a proposal without people: when its checks are green, or at once when nothing stands against it. */

import { AUTO_MERGE, type MergeMethod } from './github-queries.ts';
import { sendRest, sendWrite, type Unsettled, WRITE_MS } from './github-write.ts';
import { type Host, refusal, withoutAnswer } from './pull-request-branch.ts';
import type { Pull } from './pull-request-state.ts';
import { restOf, titleOf } from './pull-request-text.ts';

export interface Merging {
  kind: 'merge';
  merged: boolean;
  mergeCommit: string | undefined;
  note: string;
}

/** @throws ActionError E_PERMISSION_MISSING */
export async function autoMerge(
  host: Host,
  pull: Pull,
  methods: readonly MergeMethod[],
  commit: { oid: string; message: string; changed: boolean },
  signal: AbortSignal,
): Promise<Merging | Unsettled> {
  if (pull.auto && !commit.changed) return open(ON);
  const method = methods[0];
  if (method === undefined) return open('this repository allows no way to merge');
  const input = {
    pullRequestId: pull.id,
    expectedHeadOid: commit.oid,
    mergeMethod: method,
    // A squash is worded here: then its trailers do not depend on the settings of the repository.
    ...(method === 'SQUASH' ? { commitHeadline: titleOf(commit.message), commitBody: restOf(commit.message) } : {}),
  };
  const written = await sendWrite(() => host.client.graphql(AUTO_MERGE, { input }, signal, WRITE_MS), host.clock);
  if (written.kind === 'ok') return open(ON);
  if (written.kind === 'refused' && written.why.kind !== 'protected')
    throw refusal(host.reader, written.why, BOTH, pull.url, `pull request ${pull.number} is open`);
  const detail = written.kind === 'throttled' ? '' : written.kind === 'refused' ? written.why.detail : written.detail;
  // Auto-merge waits for something: where there is nothing to wait for, GitHub refuses it.
  if (/clean status|has_hooks status|rules not configured/i.test(detail))
    return mergeNow(host, pull, method, commit, signal);
  if (/already enabled/i.test(detail)) return open(ON);
  // Of a pull request that has just moved, the host does not know everything at once.
  if (/unknown status|head (branch|sha|oid)|expected head/i.test(detail)) return { kind: 'unknown', detail };
  if (written.kind === 'refused') return open(`auto-merge was refused: ${detail}`);
  if (written.kind === 'unknown' && isRefusal(written.answer?.json)) return open(`auto-merge was refused: ${detail}`);
  return withoutAnswer(written);
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
const BOTH = 'pull-requests: write and contents: write';

const open = (note: string): Merging => ({ kind: 'merge', merged: false, mergeCommit: undefined, note });

// GitHub gives its own refusals a type; an error without one is a failure of the server.
function isRefusal(json: unknown): boolean {
  const errors = (json as { errors?: unknown } | undefined)?.errors;
  return Array.isArray(errors) && errors.length > 0 && errors.every((e) => typeof e?.type === 'string');
}
