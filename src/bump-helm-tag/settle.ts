/** The loop: read, judge, write with compare-and-swap, and find out what an unknown answer meant. The only place that waits. */
import { ActionError, type Clock, type Deadline, type Log } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { nextWait } from './backoff.ts';
import type {
  CommitMessage,
  CommitRequest,
  CommitResult,
  ConfigRepository,
  LoggedCommit,
  Snapshot,
  SourceHistory,
} from './config-repository.ts';
import { type GuardPolicy, guard, type Verdict } from './guard.ts';
import type { ImagePolicy } from './image-map.ts';
import type { Target } from './plan.ts';
import { applyEdits, examine, type FileEdit, type TargetState } from './round.ts';
import { parseBlocks } from './trailers.ts';

export interface Ports {
  repository: ConfigRepository;
  source: SourceHistory;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
  log: Log;
}

export interface Wish {
  targets: readonly Target[];
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
  result: 'committed' | 'unchanged' | 'superseded' | 'dry-run';
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
}

const MAX_WRITES = 40;
const MAX_RESENDS = 3;
/** No new write is started in the last seconds: its outcome could not be learnt any more. */
const LAST_SECONDS = 2;
const LOOK_MS = 2000;

/** What the run knows of its own writes. */
interface Progress {
  attempts: number;
  conflicts: number;
  rounds: Round[];
  /** Head of the first write whose outcome is unknown. */
  uncertainSince: string | undefined;
  /** Commit of a write that came through while the run was being ended. */
  written: string | undefined;
}

/**
 * Brings the targets to their values, once, or says why not.
 * @throws ActionError for every refusal; its text says whether nothing was written or the outcome is unknown
 */
export async function settle(ports: Ports, wish: Wish): Promise<Outcome> {
  const progress: Progress = { attempts: 0, conflicts: 0, rounds: [], uncertainSince: undefined, written: undefined };
  try {
    for (;;) {
      const outcome = await playRound(ports, wish, progress);
      if (outcome !== undefined) return outcome;
    }
  } catch (error) {
    throw await explainEnd(ports, wish, progress, error);
  }
}

async function playRound(ports: Ports, wish: Wish, progress: Progress): Promise<Outcome | undefined> {
  ports.deadline.check('handoff');
  const paths = [...new Set(wish.targets.map((t) => t.file))];
  const snapshot = await ports.repository.read(paths, ports.deadline.signal);
  if (progress.uncertainSince !== undefined) {
    const own = await findOwn(ports.repository, wish.bumpId, progress.uncertainSince, ports.deadline.signal);
    if (own !== undefined) return finished(ports, progress, snapshot, own, wish);
  }
  const { states } = examine(wish.targets, snapshot, wish.images);
  const outcome = (over: Partial<Outcome>): Outcome => ({ ...blank(snapshot, progress), states, ...over });
  const mismatch = states.find((s) => s.mismatch !== undefined)?.mismatch;
  if (mismatch === undefined && states.every((s) => s.equal)) {
    const own = await ownerCommit(snapshot, states);
    return outcome({
      result: 'unchanged',
      commitSha: own ?? snapshot.head,
      commitUrl: ports.repository.commitUrl(own ?? snapshot.head),
    });
  }
  // A condition that does not hold may mean that a newer build took over: then its owner is asked for equal values too.
  const asked = mismatch === undefined ? states.filter((s) => !s.equal) : states;
  const verdict = await guard(asked, snapshot, ports.source, wish.guard, ports.deadline.signal);
  if (verdict.supersededBy !== '' || mismatch !== undefined) {
    return outcome({ result: 'superseded', supersededBy: verdict.supersededBy, mismatch, notes: verdict.notes });
  }
  const edits = applyEdits(states, snapshot);
  if (wish.dryRun) return outcome({ result: 'dry-run', edits, notes: verdict.notes });
  return write(ports, wish, progress, snapshot, { states, edits, verdict });
}

async function write(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  snapshot: Snapshot,
  work: { states: readonly TargetState[]; edits: readonly FileEdit[]; verdict: Verdict },
): Promise<Outcome | undefined> {
  const request: CommitRequest = {
    head: snapshot.head,
    changes: work.edits.map(({ path, mode, bytes }) => ({ path, mode, bytes })),
    message: wish.message(work.states, work.verdict.downgrade),
    bumpId: wish.bumpId,
  };
  const unknowns: string[] = [];
  for (;;) {
    const result = await send(ports, progress, request);
    if (result.kind === 'committed') progress.written = result.oid;
    if (ports.deadline.signal.aborted) {
      if (result.kind === 'unknown') progress.uncertainSince ??= snapshot.head;
      throw ports.deadline.signal.reason;
    }
    if (result.kind === 'committed') {
      note(progress, ports.log, snapshot.head, 'committed', 0);
      const { states, edits, verdict } = work;
      return {
        ...blank(snapshot, progress),
        result: 'committed',
        commitSha: result.oid,
        commitUrl: result.url,
        verified: result.verified,
        states,
        edits,
        notes: verdict.notes,
      };
    }
    if (result.kind === 'conflict') {
      const own = await conflict(ports, wish, progress, snapshot, result.detail);
      return own === undefined ? undefined : finished(ports, progress, snapshot, own, wish, work);
    }
    if (result.kind === 'throttled') return throttled(ports, progress, snapshot.head, result.waitSeconds);
    unknowns.push(result.detail);
    progress.uncertainSince ??= snapshot.head;
    await ports.clock.sleep(1, ports.deadline.signal);
    const seen = await look(ports, progress.uncertainSince);
    const own = seen?.commits.find((c) => carries(c, wish.bumpId));
    if (own !== undefined) return finished(ports, progress, snapshot, own.oid, wish, work);
    note(progress, ports.log, snapshot.head, `unknown (${result.detail})`, 1);
    // Moved without us: the old request can no longer win against its expected head.
    if (seen?.head !== snapshot.head) return undefined;
    if (
      unknowns.length > MAX_RESENDS ||
      (unknowns.length === 3 && new Set(unknowns).size === 1 && unknowns[0] !== '')
    ) {
      throw new ActionError('E_OUTCOME_UNKNOWN', {
        what: 'handoff',
        why: `the host answered ${unknowns.length} times: ${oneLine(result.detail, 300)}`,
        fix: `Look for Bump-Id ${wish.bumpId} in the log of the branch, then run again`,
      });
    }
    // Same request, same expected head: two copies of it cannot both win.
  }
}

// An unreadable history is no news: the next round asks again, before it does anything else.
async function look(
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

async function send(ports: Ports, progress: Progress, request: CommitRequest): Promise<CommitResult> {
  if (progress.attempts >= MAX_WRITES) {
    throw new ActionError('E_BRANCH_BUSY', {
      what: 'handoff',
      why: `${MAX_WRITES} writes met somebody else's commit`,
      fix: 'Use one file per service and environment, or several images in one run',
    });
  }
  if (ports.deadline.remaining() < LAST_SECONDS) {
    throw new ActionError('E_TIMEOUT', {
      what: 'handoff',
      why: 'the deadline is too near to start another write',
      fix: 'Run again, or raise deadline',
    });
  }
  ports.deadline.check('handoff');
  progress.attempts += 1;
  // A write under way gets a moment to answer when the run is ended: what it did is worth knowing.
  using grace = graceAfter(ports.deadline.signal);
  return await ports.repository.commit(request, grace.signal);
}

function graceAfter(signal: AbortSignal): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), LOOK_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

// A conflict may be our own work: a client that sends a request twice over a cut connection is refused by its first copy.
async function conflict(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  snapshot: Snapshot,
  detail: string,
): Promise<string | undefined> {
  const seen = await look(ports, snapshot.head);
  const own = seen?.commits.find((c) => carries(c, wish.bumpId));
  if (own !== undefined) return own.oid;
  if (seen === undefined) progress.uncertainSince ??= snapshot.head;
  const landed = Math.max(1, seen?.commits.length ?? 1);
  const wait = nextWait(progress.conflicts, landed, ports.random());
  progress.conflicts += 1;
  note(progress, ports.log, snapshot.head, `conflict (+${landed} by others: ${oneLine(detail, 120)})`, wait);
  await ports.clock.sleep(wait, ports.deadline.signal);
  return undefined;
}

async function throttled(ports: Ports, progress: Progress, head: string, seconds: number): Promise<undefined> {
  const wait = seconds + 5 * ports.random();
  if (seconds >= ports.deadline.remaining()) {
    throw new ActionError('E_RATE_LIMITED', {
      what: 'handoff',
      why: `the host asks to wait ${Math.ceil(seconds)} s, longer than the deadline leaves`,
      fix: 'Nothing was written. Run again later, or raise deadline',
    });
  }
  note(progress, ports.log, head, 'throttled', wait);
  await ports.clock.sleep(wait, ports.deadline.signal);
}

async function findOwn(
  repository: ConfigRepository,
  bumpId: string,
  since: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { commits } = await repository.history(since, signal);
  return commits.find((commit) => carries(commit, bumpId))?.oid;
}

function carries(commit: LoggedCommit, bumpId: string): boolean {
  return parseBlocks(commit.message).some((block) => block.bumpId === bumpId);
}

// The logged commit that set these very values.
async function ownerCommit(snapshot: Snapshot, states: readonly TargetState[]): Promise<string | undefined> {
  const first = states[0]?.site;
  if (first === undefined) return undefined;
  const log = await snapshot.log();
  return log.find((c) =>
    parseBlocks(c.message).some((b) => b.targets.some((t) => t.id === first.id && first.matches(t.value))),
  )?.oid;
}

function finished(
  ports: Ports,
  progress: Progress,
  snapshot: Snapshot,
  oid: string,
  wish: Wish,
  work?: { states: readonly TargetState[]; edits: readonly FileEdit[] },
): Outcome {
  note(progress, ports.log, snapshot.head, `landed as ${oid.slice(0, 12)}`, 0);
  const states = work?.states ?? examine(wish.targets, snapshot, wish.images).states;
  return {
    ...blank(snapshot, progress),
    result: 'committed',
    commitSha: oid,
    commitUrl: ports.repository.commitUrl(oid),
    states,
    edits: work?.edits ?? [],
  };
}

function blank(snapshot: Snapshot, progress: Progress): Outcome {
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
  };
}

function note(progress: Progress, log: Log, head: string, result: string, waited: number): void {
  progress.rounds.push({ head, result, waited });
  log.info(
    `round ${progress.rounds.length}: head ${head.slice(0, 7)}, ${result}${waited > 0 ? `, waiting ${waited.toFixed(1)} s` : ''}`,
  );
}

// A run that ends early still owes the truth about its last write.
async function explainEnd(ports: Ports, wish: Wish, progress: Progress, error: unknown): Promise<unknown> {
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
