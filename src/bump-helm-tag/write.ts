/** One write with compare-and-swap, and finding out what an unknown answer meant. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { nextWait } from './backoff.ts';
import type { CommitRequest, CommitResult, Snapshot } from './config-repository.ts';
import type { Verdict } from './guard.ts';
import { blank, carries, LOOK_MS, look, note, type Outcome, type Ports, type Progress, type Wish } from './progress.ts';
import { examine, type FileEdit, type TargetState } from './round.ts';

const MAX_WRITES = 40;
const MAX_RESENDS = 3;
/** No new write is started in the last seconds: its outcome could not be learnt any more. */
const LAST_SECONDS = 2;

export async function write(
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

export function finished(
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
