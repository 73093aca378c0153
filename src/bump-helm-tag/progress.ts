/** What a run knows of its own writes, and what it owes when it ends early. */
import { ActionError, type Clock, type Deadline, type Log } from '../runner/index.ts';
import type { CommitMessage, ConfigRepository, Snapshot, SourceHistory } from './config-repository.ts';
import type { GuardPolicy } from './guard.ts';
import type { ImagePolicy } from './image-map.ts';
import type { PullRequests } from './pull-request-port.ts';
import type { FileEdit } from './round.ts';
import type { TargetState } from './state.ts';
import type { Target } from './target.ts';
import { parseBlocks } from './trailers.ts';
import type { Work } from './write.ts';

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
  /** Reads that turned out to be older than the branch. */
  outdated: number;
  rounds: Round[];
  /**
   * The write whose outcome is not known. There is one at most: until it is, nothing is written on another head. Made with
   * compare-and-swap on `head`, it is the commit on top of that head, or it can never land any more.
   */
  doubt: { head: string; work: Work } | undefined;
  /** Commit of a write that came through while the run was being ended. */
  written: string | undefined;
  /** Something was sent for a pull request: then the log of the branch does not tell what became of it. */
  proposing?: true;
}

export function blank(snapshot: Pick<Snapshot, 'head'>, progress: Progress): Outcome {
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

export interface News {
  /** Our own commit, and what it brought. */
  own: { oid: string; head: string; work: Work } | undefined;
  head: string;
  /** Commits on top of the head of the write in doubt. */
  landed: number;
}

/** Looks for the write in doubt; takes the doubt away when somebody else's commit stands where it would have to stand. */
export async function findOwn(ports: Ports, wish: Wish, progress: Progress, signal: AbortSignal): Promise<News> {
  const { doubt } = progress;
  if (doubt === undefined) return { own: undefined, head: '', landed: 0 };
  const { head, commits, complete } = await ports.repository.history(doubt.head, signal);
  const own = commits.find((c) => parseBlocks(c.message).some((block) => block.bumpId === wish.bumpId));
  // A history that has not met the head of the write (an old replica answers, or the branch was rewritten) proves nothing.
  if (own === undefined && complete && commits.length > 0) progress.doubt = undefined;
  return { own: own && { oid: own.oid, ...doubt }, head, landed: commits.length };
}

// An unreadable history is no news: the next round asks again, before it does anything else.
export async function look(ports: Ports, wish: Wish, progress: Progress): Promise<News | undefined> {
  try {
    return await findOwn(ports, wish, progress, ports.deadline.signal);
  } catch (error) {
    if (ports.deadline.signal.aborted) throw error;
    return undefined;
  }
}

/**
 * A run that ends early still owes the truth about its last write.
 * @returns when that write turns out to be on the branch, and nobody has ended the run
 * @throws what ended the run, and what became of its write
 */
export async function explainEnd(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  error: unknown,
): Promise<NonNullable<News['own']>> {
  const reason: unknown = ports.deadline.signal.aborted ? ports.deadline.signal.reason : error;
  if (!(reason instanceof ActionError)) throw error;
  const ended = reason.code === 'E_TIMEOUT' || reason.code === 'E_CANCELLED';
  if (!ended && progress.attempts === 0) throw error;
  const state = await lastLook(ports, wish, progress);
  if (!ended && state.own !== undefined) return state.own;
  // Being cancelled is no finding about the write; every other end with a write in doubt is.
  const code = state.known || reason.code === 'E_CANCELLED' ? reason.code : 'E_OUTCOME_UNKNOWN';
  const { why, fix } = reason.facts;
  const nothing = /^nothing was written(: |\. )/i;
  throw new ActionError(state.known && code === 'E_OUTCOME_UNKNOWN' ? 'E_CONFIG_UNREADABLE' : code, {
    ...reason.facts,
    why: `${why}; ${state.text} (Bump-Id ${wish.bumpId})`,
    // Said once, and only when it is so.
    fix: fix.replace(nothing, ''),
    cause: error,
  });
}

interface LastLook {
  known: boolean;
  text: string;
  own?: News['own'];
}

async function lastLook(ports: Ports, wish: Wish, progress: Progress): Promise<LastLook> {
  if (progress.written !== undefined)
    return {
      known: true,
      text: `it was ${progress.proposing ? 'proposed' : 'written'} as ${progress.written.slice(0, 12)}`,
    };
  if (progress.proposing)
    return {
      known: progress.doubt === undefined,
      text: 'nothing was written to the branch itself; its pull requests show what was proposed',
    };
  try {
    const { own } = await findOwn(ports, wish, progress, AbortSignal.timeout(LOOK_MS));
    if (own !== undefined) return { known: true, text: `it was written as ${own.oid.slice(0, 12)}`, own };
    return progress.doubt === undefined
      ? { known: true, text: 'nothing was written' }
      : { known: false, text: 'its write is not on the branch yet, but may still land' };
  } catch {
    return { known: false, text: 'whether it was written is unknown' };
  }
}
