/** Proposes an edit as a pull request on GitHub. Every step is looked up before it is done: what is there is never repeated. */
import type { GitHubClient } from '../github/index.ts';
import { oneLine } from '../text/index.ts';
import { logged } from './github-queries.ts';
import { type GitHubAddress, GitHubReader, type ReaderPorts } from './github-reader.ts';
import { sendRest, type Unsettled, WRITE_MS } from './github-write.ts';
import { dropScratch, type Host, moveBranch, refusal, withoutAnswer } from './pull-request-branch.ts';
import { autoMerge, type Merging } from './pull-request-merge.ts';
import type { ProposalRequest, Proposed, ProposeResult, PullRequests } from './pull-request-port.ts';
import {
  isOwn,
  lookAt,
  type ProposalNames,
  type ProposalState,
  type Pull,
  proposesExactly,
  pullsOf,
  readPull,
  settledBy,
} from './pull-request-state.ts';
import { bodyOf, proposalBranch, scratchBranch, tells, titleOf } from './pull-request-text.ts';

interface Commit {
  oid: string;
  message: string;
  verified: boolean;
  changed: boolean;
}

/** How long the scratch branch may take to go when the run ends. */
const CLOSE_MS = 5000;

/** @param options.autoMerge merge without people, as soon as nothing stands against it */
export function gitHubPullRequests(
  client: GitHubClient,
  address: GitHubAddress,
  ports: ReaderPorts,
  options: { autoMerge: boolean },
): PullRequests {
  const reader = new GitHubReader(client, address, ports);
  const host: Host = { client, reader, clock: ports.clock };
  /** Scratch branch that may stand, and the commit of ours that was last put into place. */
  let scratch: ProposalNames | undefined;
  let placed: string | undefined;

  const namesOf = (targets: readonly string[], bumpId: string): ProposalNames => ({
    base: address.branch,
    branch: proposalBranch(address.branch, targets),
    scratch: scratchBranch(bumpId),
  });

  return {
    async proposed(targets, signal): Promise<Proposed> {
      const names = namesOf(targets, 'none');
      const state = await lookAt(reader, names, [], signal);
      const waiting = state.tip !== undefined && settledBy(state) === undefined ? logged(state.tip) : undefined;
      return { branch: names.branch, head: state.tip?.oid, waiting };
    },

    async propose(request, signal): Promise<ProposeResult> {
      const names = namesOf(request.targets, request.bumpId);
      const paths = request.changes.map((change) => change.path);
      const state = await lookAt(reader, names, paths, signal);
      const merged = mergedBefore(state, request);
      if (merged !== undefined) return merged;
      const commit = await ensureCommit(names, state, request, signal);
      if ('kind' in commit) return commit;
      const pull = await ensurePull(names, state, commit, request.diff, signal);
      if ('kind' in pull) return pull;
      const merging = options.autoMerge
        ? await autoMerge(host, pull, state.methods, commit, names, signal)
        : ({ kind: 'merge', merged: false, mergeCommit: undefined, note: '' } as const);
      return merging.kind === 'merge' ? result(pull, commit, merging) : merging;
    },

    async close(): Promise<string> {
      return scratch === undefined ? '' : tidy(scratch);
    },
  };

  // Our own merge of an earlier send, whose answer was lost; the branch may be gone by now.
  function mergedBefore(state: ProposalState, request: ProposalRequest): ProposeResult | undefined {
    const newest = state.pulls[0];
    if (newest?.state !== 'merged') return undefined;
    const own = newest.head === placed || (newest.head === state.tip?.oid && isOwn(state.tip, request.bumpId));
    if (!own) {
      // Merged by others: the base of this round is older than that.
      const same = newest.head === state.tip?.oid && proposesExactly(state.tip, request);
      return same ? { kind: 'conflict', detail: `pull request ${newest.number} was merged` } : undefined;
    }
    const commit = { oid: newest.head, message: '', verified: state.tip?.signature?.isValid === true, changed: true };
    return result(newest, commit, { kind: 'merge', merged: true, mergeCommit: newest.mergeCommit, note: '' });
  }

  async function ensureCommit(
    names: ProposalNames,
    state: ProposalState,
    request: ProposalRequest,
    signal: AbortSignal,
  ): Promise<Commit | Unsettled> {
    const { tip } = state;
    if (tip !== undefined && proposesExactly(tip, request)) {
      const changed = isOwn(tip, request.bumpId);
      // The request that moved the branch has taken the scratch along.
      if (state.scratch === undefined && changed) scratch = undefined;
      return { oid: tip.oid, message: tip.message, verified: tip.signature?.isValid === true, changed };
    }
    // The order was judged by what stood there then: a branch that has moved must be judged again.
    if (tip?.oid !== request.proposed.head)
      return { kind: 'conflict', detail: `branch ${names.branch} has moved since it was read` };
    scratch = names;
    const moved = await moveBranch(host, names, state, request, signal);
    if (moved.kind !== 'moved') return moved;
    scratch = undefined;
    placed = moved.oid;
    const { headline, body } = request.message;
    return { oid: moved.oid, message: `${headline}\n\n${body}`, verified: moved.verified, changed: true };
  }

  async function ensurePull(
    names: ProposalNames,
    state: ProposalState,
    commit: Commit,
    diff: string,
    signal: AbortSignal,
  ): Promise<Pull | Unsettled> {
    const known = state.pulls.find((pull) => pull.state === 'open');
    const words = { title: titleOf(commit.message), body: bodyOf(commit.message, diff) };
    if (known !== undefined && (known.body === words.body || tells(known.body, commit.message))) return known;
    const path = `/repos/${reader.fullName}/pulls`;
    const send =
      known === undefined
        ? () => client.send('POST', path, { ...words, head: names.branch, base: names.base }, signal, WRITE_MS)
        : () => client.send('PATCH', `${path}/${known.number}`, words, signal, WRITE_MS);
    const written = await sendRest(send, ports.clock);
    if (written.kind === 'ok') return readPull(written.data as unknown as Parameters<typeof readPull>[0]);
    const stands = `branch ${names.branch} proposes it as ${commit.oid.slice(0, 12)}, without a pull request`;
    if (written.kind === 'refused')
      throw refusal(
        reader,
        written.why,
        'pull-requests: write',
        names.base,
        known === undefined ? stands : `pull request ${known.number} has the new commit under its old words`,
      );
    if (written.kind === 'unknown' && /already exists/i.test(written.detail)) {
      // A copy of our own request was faster, or another run.
      const other = (await pullsOf(reader, names, signal)).find((pull) => pull.state === 'open');
      if (other !== undefined) return other;
    }
    if (written.kind === 'unknown' && /no commits between/i.test(written.detail))
      return { kind: 'conflict', detail: oneLine(written.detail, 200) };
    return withoutAnswer(written);
  }

  function result(pull: Pull, commit: Commit, merging: Merging): ProposeResult {
    return {
      kind: 'proposed',
      number: pull.number,
      url: pull.url,
      commit: commit.oid,
      commitUrl: `${address.serverUrl}/${reader.fullName}/commit/${commit.oid}`,
      verified: commit.verified,
      changed: commit.changed,
      merged: merging.merged,
      mergeCommit: merging.mergeCommit,
      note: merging.note,
    };
  }

  // A request whose answer was lost may still make the branch: an absent one is looked for a second time.
  async function tidy(names: ProposalNames): Promise<string> {
    const signal = AbortSignal.timeout(CLOSE_MS);
    try {
      for (let absent = 0; absent < 2; ) {
        const state = await lookAt(reader, names, [], signal);
        if (state.scratch !== undefined) {
          const dropped = await dropScratch(host, names, { ...state, oid: state.scratch.oid }, signal);
          if (dropped.kind === 'ok') break;
        } else absent += 1;
        await ports.clock.sleep(0.5, signal);
      }
      scratch = undefined;
      return '';
    } catch {
      return names.scratch;
    }
  }
}
