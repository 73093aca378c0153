/** The order guard over all targets of a round. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Relation, Snapshot, SourceHistory } from './config-repository.ts';
import { type Decision, decide, type Owner, searchOwner } from './order.ts';
import type { TargetState } from './state.ts';
import type { Source, Target } from './target.ts';

export interface GuardPolicy {
  mode: 'ancestry' | 'off';
  allowDowngrade: boolean;
  /** The build of this run. */
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

/** Who built what a target gets: the run's own build, unless the target names another one. */
export function builtBy(target: Target, run: Pick<GuardPolicy, 'sourceRepository' | 'sourceRevision'>): Source {
  if (target.kind === 'restore') return target.source;
  const want = target.kind === 'image' ? target.want : undefined;
  return {
    repository: want?.sourceRepository ?? run.sourceRepository,
    revision: want?.revision ?? run.sourceRevision,
  };
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
    if (target.kind === 'scalar' && target.follows === true) continue;
    const mine = builtBy(target, policy);
    const owner = await searchOwner(site, snapshot);
    if (owner.kind === 'none') continue;
    if (owner.kind === 'hand-edited') {
      notes.set(site.id, 'hand-edited');
      continue;
    }
    const decision = await judge(owner, mine, source, policy.allowDowngrade, signal);
    if (decision.kind === 'superseded') return { supersededBy: owner.revision, downgrade, notes };
    downgrade ||= decision.note === 'downgrade';
    if (decision.note !== '') notes.set(site.id, decision.note);
  }
  return { supersededBy: '', downgrade, notes };
}

type KnownOwner = Extract<Owner, { kind: 'revision' }>;

/** One owner against one build. @throws ActionError when their order cannot be told, or forbids the write */
export async function judge(
  owner: KnownOwner,
  mine: Source,
  source: SourceHistory,
  allowDowngrade: boolean,
  signal: AbortSignal,
): Promise<Exclude<Decision, { kind: 'fail' }>> {
  checkSource(owner, mine, allowDowngrade);
  const decision = decide(await relate(source, owner, mine.revision, signal), owner.by, allowDowngrade);
  if (decision.kind === 'fail') throw refusal(decision.code, decision.why, owner, mine);
  return decision;
}

async function relate(source: SourceHistory, owner: KnownOwner, mine: string, signal: AbortSignal): Promise<Relation> {
  if (mine === owner.revision || (owner.by === 'tag' && mine.startsWith(owner.revision))) return 'identical';
  return source.relation(owner.revision, mine, signal);
}

function checkSource(owner: KnownOwner, mine: Source, allowDowngrade: boolean): void {
  const name = (repository: string): string => repository.replace(/^.*?\/(?=[^/]+\/[^/]+$)/, '');
  if (owner.repository === '' || name(owner.repository) === name(mine.repository) || allowDowngrade) return;
  throw new ActionError('E_OTHER_SOURCE', {
    what: 'order of builds',
    why: `the target was set from ${oneLine(owner.repository, 120)}, this build is from ${oneLine(mine.repository, 120)}`,
    fix: 'Correct the target; to move it on purpose set allow-downgrade with a reason',
  });
}

function refusal(code: `E_${string}`, why: string, owner: KnownOwner, mine: Source): ActionError {
  const fix =
    code === 'E_SOURCE_UNREADABLE'
      ? `Give source-token contents: read on ${oneLine(mine.repository, 120)}, or correct source-revision`
      : 'To write all the same set allow-downgrade: true with a reason';
  return new ActionError(code, {
    what: 'order of builds',
    why: `${why} (there: ${oneLine(owner.revision, 64)}, ours: ${oneLine(mine.revision, 64)})`,
    fix,
  });
}
