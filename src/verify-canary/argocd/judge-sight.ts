/** What a look at the Application means: has it arrived, and is it still ours. Pure. */
import { shortRevision } from '../../argocd/index.ts';
import type { EventWord } from '../core/index.ts';
import { isThrough, stepOf } from './rollout.ts';
import type { Sight } from './sight.ts';
import type { ArgoWish } from './wish.ts';

/** An end that Argo CD knows of. */
export interface Finding {
  event: Extract<EventWord, 'superseded' | 'degraded' | 'crashloop' | 'sync-timeout'>;
  detail: string;
}

export type Arrival =
  | { kind: 'wait' }
  | { kind: 'arrived' }
  /** The sync itself came to nothing. */
  | { kind: 'failed'; why: string }
  | { kind: 'ended'; finding: Finding };

/** What was there when it arrived; a later look is compared with it. */
export interface Arrived {
  wanted: readonly string[];
  applied: string;
  podHash: string;
}

export function arrivedOf({ state, rollout }: Sight): Arrived {
  return { wanted: state.revisions, applied: lastApplied(state).join(' '), podHash: rollout?.current ?? '' };
}

/**
 * @param known `later`: Argo CD has looked at Git after our commit was there, so that another commit which it compares with
 *   comes after ours; `seen`: our commit was wanted at an earlier look
 */
export function judgeArrival(wish: ArgoWish, sight: Sight, known: { later: boolean; seen: boolean }): Arrival {
  const { state, health, healthMessage, rollout } = sight;
  const wanted = wish.revision === '' || state.revisions.includes(wish.revision);
  const applied = wish.revision !== '' && state.history.includes(wish.revision);
  const runs = wish.digest === '' || state.images.some((image) => image.includes(wish.digest));
  const phase = state.operation?.phase;
  const busy = state.pending || phase === 'Running' || phase === 'Terminating';
  const calm = !busy && (health === 'Healthy' || health === 'Suspended');

  const pod = crashing(wish, sight);
  if (pod !== undefined) return { kind: 'ended', finding: { event: 'crashloop', detail: pod } };
  if (!wanted && (applied || known.seen)) {
    // A later commit may be about something else: then our image goes on running.
    const gone = wish.digest === '' || (!runs && state.sync === 'Synced' && calm);
    if (gone) return { kind: 'ended', finding: { event: 'superseded', detail: movedTo(wish, sight) } };
  }
  // Our commit was passed over for a later one which holds it.
  const passedOver = !wanted && !applied && known.later && wish.digest !== '';
  const operated = state.operation?.revisions ?? [];
  const oursFailed =
    operated.includes(wish.revision) ||
    ((wish.revision === '' || passedOver) && operated.some((revision) => state.revisions.includes(revision)));
  if (!state.pending && oursFailed && (phase === 'Failed' || phase === 'Error'))
    return { kind: 'failed', why: `its sync ended ${phase}${text(state.operation?.message)}` };
  // A sync with waves goes on for as long as a Rollout is on its way.
  if (busy && rollout === null) return { kind: 'wait' };
  // What was applied once may have been taken back since: without an image to look for, only the last entry counts.
  const holds = wish.digest === '' ? lastApplied(state).includes(wish.revision) : applied;
  const there = holds || ((wanted || passedOver) && state.sync === 'Synced');
  if (!there || !runs) return { kind: 'wait' };
  const bad = degraded(sight);
  if (bad !== undefined) return { kind: 'ended', finding: { event: 'degraded', detail: bad } };
  if (wish.rollout !== '') {
    if (rollout === null || !rollout.observed) return { kind: 'wait' };
    return stepOf(rollout) !== null || isThrough(rollout) ? { kind: 'arrived' } : { kind: 'wait' };
  }
  return calm ? { kind: 'arrived' } : { kind: 'wait' };

  function text(message = ''): string {
    return message === '' ? (healthMessage === '' ? '' : `: ${healthMessage}`) : `: ${message}`;
  }
}

/** Whether something ended the judging since it arrived. */
export function judgeSight(wish: ArgoWish, arrived: Arrived, sight: Sight): Finding | null {
  const { state, rollout } = sight;
  if (arrived.podHash !== '' && rollout !== null && rollout.current !== '' && rollout.current !== arrived.podHash) {
    const detail = `the Rollout ${wish.rollout} goes to pods ${rollout.current} in place of ${arrived.podHash}`;
    return { event: 'superseded', detail };
  }
  const applies = lastApplied(state).join(' ') !== arrived.applied;
  const moved = applies || state.revisions.join(' ') !== arrived.wanted.join(' ');
  // Somebody who goes back by hand changes what is applied, and not what is wanted.
  const back = applies && !lastApplied(state).includes(wish.revision);
  const gone =
    wish.digest === ''
      ? back || !state.revisions.includes(wish.revision)
      : !state.images.some((image) => image.includes(wish.digest));
  if (moved && gone) return { event: 'superseded', detail: movedTo(wish, sight) };
  const pod = crashing(wish, sight);
  if (pod !== undefined) return { event: 'crashloop', detail: pod };
  const bad = degraded(sight);
  return bad === undefined ? null : { event: 'degraded', detail: bad };
}

/** What was applied last: an entry of the history has a revision for each source, as what is wanted has. */
function lastApplied({ history, revisions }: Sight['state']): readonly string[] {
  return history.slice(-Math.max(1, revisions.length));
}

function movedTo(wish: ArgoWish, { state }: Sight): string {
  const to = state.revisions.includes(wish.revision) ? lastApplied(state) : state.revisions;
  return `Argo CD goes to ${to.map(shortRevision).join(' + ') || 'another revision'}`;
}

function degraded({ health, healthMessage, rollout }: Sight): string | undefined {
  if (rollout?.aborted === true)
    return `the Rollout was aborted${rollout.message === '' ? '' : `: ${rollout.message}`}`;
  if (health !== 'Degraded') return undefined;
  return `Argo CD says Degraded${healthMessage === '' ? '' : `: ${healthMessage}`}`;
}

/** A pod of our version that crashes again and again. */
function crashing(wish: ArgoWish, { tree, rollout }: Sight): string | undefined {
  const pod = (tree?.nodes ?? []).find(
    (node) =>
      node.kind === 'Pod' &&
      node.reason.endsWith('CrashLoopBackOff') &&
      ((wish.digest !== '' && node.images.some((image) => image.includes(wish.digest))) ||
        (rollout !== null &&
          rollout.current !== rollout.stable &&
          node.labels['rollouts-pod-template-hash'] === rollout.current)),
  );
  return pod === undefined ? undefined : `pod ${pod.name} is in ${pod.reason}`;
}
