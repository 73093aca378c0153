/** One write with compare-and-swap, and finding out what an unknown answer meant. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { nextWait } from './backoff.ts';
import type { CommitRequest, CommitResult, Snapshot } from './config-repository.ts';
import type { Verdict } from './guard.ts';
import {
  blank,
  LOOK_MS,
  look,
  type News,
  note,
  type Outcome,
  type Ports,
  type Progress,
  type Wish,
} from './progress.ts';
import type { ProposeResult } from './pull-request-port.ts';
import type { FileEdit } from './round.ts';
import type { TargetState } from './state.ts';

const MAX_WRITES = 40;
const MAX_RESENDS = 3;
/** No new write is started in the last seconds: its outcome could not be learnt any more. */
const LAST_SECONDS = 2;

/** What a round wants to write. */
export interface Work {
  states: readonly TargetState[];
  edits: readonly FileEdit[];
  verdict: Verdict;
}

/** The request of a round. Sending the same object again is safe: two copies of it cannot both win. */
export function requestOf(wish: Wish, snapshot: Snapshot, work: Work): CommitRequest {
  return {
    head: snapshot.head,
    changes: work.edits.map(({ path, mode, bytes }) => ({ path, mode, bytes })),
    message: wish.message(work.states, work.verdict.downgrade),
    bumpId: wish.bumpId,
  };
}

/** @returns the outcome, or undefined when another round is needed */
export function write(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  snapshot: Snapshot,
  work: Work,
): Promise<Outcome | undefined> {
  const request = requestOf(wish, snapshot, work);
  return submit(ports, wish, progress, snapshot, work, (signal) => ports.repository.commit(request, signal));
}

/** Sends until the outcome is known. @param send sends the same request each time */
export async function submit(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  snapshot: Snapshot,
  work: Work,
  send: (signal: AbortSignal) => Promise<CommitResult | ProposeResult>,
): Promise<Outcome | undefined> {
  const unknowns: string[] = [];
  for (;;) {
    const result = await sendOnce(ports, progress, send);
    if (result.kind === 'committed') progress.written = result.oid;
    if (result.kind === 'proposed') progress.written = result.commit;
    // A conflict may be our own work: what sends a request twice over a cut connection hears its first copy refuse the second.
    if (result.kind === 'unknown' || result.kind === 'conflict') progress.doubt = { head: snapshot.head, work };
    if (ports.deadline.signal.aborted) throw ports.deadline.signal.reason;
    if (result.kind === 'committed' || result.kind === 'proposed') {
      note(progress, ports.log, snapshot.head, result.kind, 0);
      const { states, edits, verdict } = work;
      return { ...blank(snapshot, progress), ...landed(result, ports), states, edits, notes: verdict.notes };
    }
    if (result.kind === 'conflict') {
      const own = await conflict(ports, wish, progress, snapshot, result.detail);
      return own && finished(ports, progress, own);
    }
    if (result.kind === 'throttled') return throttled(ports, progress, snapshot.head, result.waitSeconds);
    unknowns.push(result.detail);
    await ports.clock.sleep(1, ports.deadline.signal);
    const seen = await look(ports, wish, progress);
    if (seen?.own !== undefined) return finished(ports, progress, seen.own);
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
  }
}

function landed(
  result: Extract<CommitResult | ProposeResult, { kind: 'committed' | 'proposed' }>,
  ports: Ports,
): Partial<Outcome> {
  const { verified } = result;
  if (result.kind === 'committed')
    return { result: 'committed', commitSha: result.oid, commitUrl: result.url, verified };
  const { number, url, changed, note: text, mergeCommit } = result;
  const commit = result.merged ? (mergeCommit ?? result.commit) : result.commit;
  return {
    result: result.merged ? 'committed' : 'proposed',
    commitSha: commit,
    commitUrl: result.merged ? ports.repository.commitUrl(commit) : result.commitUrl,
    verified,
    pull: { number, url, changed, note: text },
  };
}

async function sendOnce<R>(ports: Ports, progress: Progress, send: (signal: AbortSignal) => Promise<R>): Promise<R> {
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
  return await send(grace.signal);
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

async function conflict(
  ports: Ports,
  wish: Wish,
  progress: Progress,
  snapshot: Snapshot,
  detail: string,
): Promise<News['own']> {
  const seen = await look(ports, wish, progress);
  if (seen?.own !== undefined) return seen.own;
  const landed = Math.max(1, seen?.landed ?? 1);
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

/** Our own commit was found on the branch. */
export function finished(ports: Ports, progress: Progress, own: NonNullable<News['own']>): Outcome {
  const { oid, head, work } = own;
  note(progress, ports.log, head, `landed as ${oid.slice(0, 12)}`, 0);
  const { states, edits, verdict } = work;
  return {
    ...blank({ head }, progress),
    result: 'committed',
    commitSha: oid,
    commitUrl: ports.repository.commitUrl(oid),
    states,
    edits,
    notes: verdict.notes,
  };
}
