/** The order guard over all targets of a round. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Relation, Snapshot, SourceHistory } from './config-repository.ts';
import { decide, findOwner, type Owner } from './order.ts';
import type { TargetState } from './round.ts';

export interface GuardPolicy {
  mode: 'ancestry' | 'off';
  allowDowngrade: boolean;
  sourceRepository: string;
  sourceRevision: string;
}

export interface Verdict {
  /** Full revision of the newer build that owns a target; '' when there is none. */
  supersededBy: string;
  downgrade: boolean;
  /** Target id -> a word for the report: `hand-edited`, `unknown`, `ahead`, `identical`, `downgrade`. */
  notes: ReadonlyMap<string, string>;
}

/** @throws ActionError E_HISTORY_DIVERGED, E_OWNER_UNREADABLE, E_SOURCE_UNREADABLE, E_OTHER_SOURCE */
export async function guard(
  states: readonly TargetState[],
  snapshot: Snapshot,
  source: SourceHistory,
  policy: GuardPolicy,
  signal: AbortSignal,
): Promise<Verdict> {
  const notes = new Map<string, string>();
  if (policy.mode === 'off') return { supersededBy: '', downgrade: false, notes };
  let downgrade = false;
  for (const { site, target } of states) {
    const mine = (target.kind === 'image' ? target.want.revision : undefined) ?? policy.sourceRevision;
    const owner = findOwner(site, site.empty || site.revision !== '' ? [] : await snapshot.log());
    if (owner.kind === 'none') continue;
    if (owner.kind === 'hand-edited') {
      notes.set(site.id, 'hand-edited');
      continue;
    }
    checkSource(owner, policy);
    const decision = decide(await relate(source, owner, mine, signal), owner.by, policy.allowDowngrade);
    if (decision.kind === 'superseded') return { supersededBy: owner.revision, downgrade, notes };
    if (decision.kind === 'fail') throw refusal(decision.code, decision.why, owner, mine, policy);
    downgrade ||= decision.note === 'downgrade';
    if (decision.note !== '') notes.set(site.id, decision.note);
  }
  return { supersededBy: '', downgrade, notes };
}

async function relate(
  source: SourceHistory,
  owner: Extract<Owner, { kind: 'revision' }>,
  mine: string,
  signal: AbortSignal,
): Promise<Relation> {
  if (mine === owner.revision || (owner.by === 'tag' && mine.startsWith(owner.revision))) return 'identical';
  return source.relation(owner.revision, mine, signal);
}

function checkSource(owner: Extract<Owner, { kind: 'revision' }>, policy: GuardPolicy): void {
  const same =
    owner.repository === '' || owner.repository.replace(/^.*?\/(?=[^/]+\/[^/]+$)/, '') === policy.sourceRepository;
  if (same || policy.allowDowngrade) return;
  throw new ActionError('E_OTHER_SOURCE', {
    what: 'order of builds',
    why: `the target was set from ${oneLine(owner.repository, 120)}, this build is from ${oneLine(policy.sourceRepository, 120)}`,
    fix: 'Correct the target; to move it on purpose set allow-downgrade with a reason',
  });
}

function refusal(
  code: `E_${string}`,
  why: string,
  owner: Extract<Owner, { kind: 'revision' }>,
  mine: string,
  policy: GuardPolicy,
): ActionError {
  const fix =
    code === 'E_SOURCE_UNREADABLE'
      ? `Give source-token contents: read on ${oneLine(policy.sourceRepository, 120)}, or correct source-revision`
      : 'To write all the same set allow-downgrade: true with a reason';
  return new ActionError(code, {
    what: 'order of builds',
    why: `${why} (there: ${oneLine(owner.revision, 64)}, ours: ${mine})`,
    fix,
  });
}
