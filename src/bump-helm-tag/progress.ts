/** What a run knows of its own writes, and what it owes when it ends early. */
import { ActionError, type Clock, type Deadline, type Log } from '../runner/index.ts';
import type { CommitMessage, ConfigRepository, LoggedCommit, Snapshot, SourceHistory } from './config-repository.ts';
import type { GuardPolicy } from './guard.ts';
import type { ImagePolicy } from './image-map.ts';
import type { PullRequests } from './pull-request-port.ts';
import type { FileEdit } from './round.ts';
import type { TargetState } from './state.ts';
import type { Target } from './target.ts';
import { parseBlocks } from './trailers.ts';

export interface Ports {
  repository: ConfigRepository;
  source: SourceHistory;
  /** Absent: the host has none, or the run proposes nothing. */
  pulls?: PullRequests;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
  log: Log;
}

export interface Wish {
  targets: readonly Target[];
  /** Targets that depend on what stands there, with the further files they need. Asked in every round. */
  derive?: {
    paths: readonly string[];
    targets(targets: readonly Target[], snapshot: Snapshot): Promise<readonly Target[]>;
  };
  /** A last look at the proven bytes; a throw means that nothing is written. */
  validate?(edits: readonly FileEdit[], snapshot: Snapshot): Promise<void>;
  /** Propose instead of committing: always, or when the branch is protected. */
  propose?: 'always' | 'when-protected';
  images: ImagePolicy;
  guard: GuardPolicy;
  bumpId: string;
  dryRun: boolean;
  message(states: readonly TargetState[], downgrade: boolean): CommitMessage;
}

export interface Round {
  head: string;
  result: string;
  waited: number;
}

export interface Outcome {
  result: 'committed' | 'unchanged' | 'superseded' | 'dry-run' | 'proposed' | 'pinned';
  commitSha: string;
  commitUrl: string;
  baseSha: string;
  verified: boolean;
  attempts: number;
  conflicts: number;
  supersededBy: string;
  states: readonly TargetState[];
  edits: readonly FileEdit[];
  notes: ReadonlyMap<string, string>;
  mismatch: string | undefined;
  rounds: readonly Round[];
  /** The pull request of a proposal; `changed` is false when it proposed these very bytes already. */
  pull: { number: number; url: string; changed: boolean; note: string } | undefined;
}

/** How long a run that is being ended waits for news of its write. */
export const LOOK_MS = 2000;

/** What the run knows of its own writes. */
export interface Progress {
  attempts: number;
  conflicts: number;
  rounds: Round[];
  /** Head of the first write whose outcome is unknown. */
  uncertainSince: string | undefined;
  /** Commit of a write that came through while the run was being ended. */
  written: string | undefined;
}

export function blank(snapshot: Snapshot, progress: Progress): Outcome {
  return {
    result: 'unchanged',
    commitSha: '',
    commitUrl: '',
    baseSha: snapshot.head,
    verified: false,
    attempts: progress.attempts,
    conflicts: progress.conflicts,
    supersededBy: '',
    states: [],
    edits: [],
    notes: new Map(),
    mismatch: undefined,
    rounds: progress.rounds,
    pull: undefined,
  };
}

export function note(progress: Progress, log: Log, head: string, result: string, waited: number): void {
  progress.rounds.push({ head, result, waited });
  log.info(
    `round ${progress.rounds.length}: head ${head.slice(0, 7)}, ${result}${waited > 0 ? `, waiting ${waited.toFixed(1)} s` : ''}`,
  );
}

export function carries(commit: LoggedCommit, bumpId: string): boolean {
  return parseBlocks(commit.message).some((block) => block.bumpId === bumpId);
}

export async function findOwn(
  repository: ConfigRepository,
  bumpId: string,
  since: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { commits } = await repository.history(since, signal);
  return commits.find((commit) => carries(commit, bumpId))?.oid;
}

// An unreadable history is no news: the next round asks again, before it does anything else.
export async function look(
  ports: Ports,
  since: string,
): Promise<Awaited<ReturnType<ConfigRepository['history']>> | undefined> {
  try {
    return await ports.repository.history(since, ports.deadline.signal);
  } catch (error) {
    if (ports.deadline.signal.aborted) throw error;
    return undefined;
  }
}

// A run that ends early still owes the truth about its last write.
export async function explainEnd(ports: Ports, wish: Wish, progress: Progress, error: unknown): Promise<unknown> {
  const reason: unknown = ports.deadline.signal.aborted ? ports.deadline.signal.reason : error;
  if (!(reason instanceof ActionError)) return error;
  const ended = reason.code === 'E_TIMEOUT' || reason.code === 'E_CANCELLED';
  if (!ended && progress.uncertainSince === undefined) return error;
  const state = await lastLook(ports, wish, progress);
  // Being cancelled is no finding about the write; every other end with a write in doubt is.
  const code = state.known || reason.code === 'E_CANCELLED' ? reason.code : 'E_OUTCOME_UNKNOWN';
  return new ActionError(code, {
    ...reason.facts,
    why: `${reason.facts.why}; ${state.text} (Bump-Id ${wish.bumpId})`,
    cause: error,
  });
}

async function lastLook(ports: Ports, wish: Wish, progress: Progress): Promise<{ known: boolean; text: string }> {
  if (progress.written !== undefined)
    return { known: true, text: `it was written as ${progress.written.slice(0, 12)}` };
  if (progress.uncertainSince === undefined) return { known: true, text: 'nothing was written' };
  try {
    const signal = AbortSignal.timeout(LOOK_MS);
    const own = await findOwn(ports.repository, wish.bumpId, progress.uncertainSince, signal);
    return own === undefined
      ? { known: false, text: 'its write is not on the branch yet, but may still land' }
      : { known: true, text: `it was written as ${own.slice(0, 12)}` };
  } catch {
    return { known: false, text: 'whether it was written is unknown' };
  }
}
