/** A handoff as a pull request: the same request as a commit, to the branch of the proposal. */
import type { Snapshot, SourceHistory } from './config-repository.ts';
import { diffOf } from './diff.ts';
import { builtBy, type GuardPolicy, judge, type Verdict } from './guard.ts';
import { blank, type Outcome, type Ports, type Progress, type Wish } from './progress.ts';
import type { ProposalRequest, Proposed } from './pull-request-port.ts';
import type { TargetState } from './state.ts';
import { parseBlocks } from './trailers.ts';
import { requestOf, submit, type Work } from './write.ts';

/** @returns the outcome, or undefined when another round is needed @throws ActionError as guard and the host do */
export async function propose(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  snapshot: Snapshot,
  work: Work,
): Promise<Outcome | undefined> {
  const { pulls, source, deadline } = ports;
  if (pulls === undefined) throw new Error('the host has no pull requests: inputs must refuse this');
  const targets = work.states.map((s) => s.target.id);
  const proposed = await pulls.proposed(targets, deadline.signal);
  const verdict = await guardProposal(work.states, proposed, source, wish.guard, deadline.signal);
  if (verdict.supersededBy !== '') {
    return {
      ...blank(snapshot, progress),
      result: 'superseded',
      states: work.states,
      supersededBy: verdict.supersededBy,
    };
  }
  const request: ProposalRequest = {
    ...requestOf(wish, snapshot, {
      ...work,
      verdict: { ...work.verdict, downgrade: work.verdict.downgrade || verdict.downgrade },
    }),
    targets,
    proposed,
    diff: diffOf(work.edits),
  };
  progress.proposing = true;
  return submit(ports, wish, progress, snapshot, work, (signal) => pulls.propose(request, signal));
}

/** A newer build that waits in the pull request must not be pushed aside by an older one. */
async function guardProposal(
  states: readonly TargetState[],
  proposed: Proposed,
  source: SourceHistory,
  policy: GuardPolicy,
  signal: AbortSignal,
): Promise<Pick<Verdict, 'supersededBy' | 'downgrade'>> {
  let downgrade = false;
  if (policy.mode === 'off' || proposed.waiting === undefined) return { supersededBy: '', downgrade };
  const blocks = parseBlocks(proposed.waiting.message).filter((b) => b.sourceRevision !== '');
  for (const { target } of states) {
    const block = blocks.find((b) => b.targets.some((t) => t.id === target.id));
    if (block === undefined) continue;
    const owner = {
      kind: 'revision',
      by: 'trailer',
      revision: block.sourceRevision,
      repository: block.sourceRepository,
    } as const;
    const decision = await judge(owner, builtBy(target, policy), source, policy.allowDowngrade, signal);
    if (decision.kind === 'superseded') return { supersededBy: owner.revision, downgrade };
    downgrade ||= decision.note === 'downgrade';
  }
  return { supersededBy: '', downgrade };
}
