/** Before the judging: waits until Argo CD has applied our commit, and what it made runs. */
import { formatApplicationName } from '../../argocd/index.ts';
import { ActionError, Deadline } from '../../runner/index.ts';
import { formatSeconds } from '../../text/index.ts';
import type { ArgoPorts, Connection } from './connection.ts';
import { type Arrived, arrivedOf, type Finding, judgeArrival } from './judge-sight.ts';
import { describeSight, type Sight } from './sight.ts';
import type { ArgoWish } from './wish.ts';

export type Waited =
  | { kind: 'arrived'; arrived: Arrived; sight: Sight; note: string }
  | { kind: 'ended'; finding: Finding };

const POLL_SECONDS = 2;
/** How long the first look may wait until Argo CD has looked at Git. */
const REFRESH_SECONDS = 30;
/** So long after the first refresh a second one finds our commit for sure, whatever lies between Argo CD and Git. */
const SURE_SECONDS = 60;

/**
 * @throws ActionError E_ARGOCD_FAILED (the sync came to nothing), what the client throws, and the reason of the signal.
 *   No answer is no reason to stop: it is asked until the time is up.
 */
export async function waitForArrival(connection: Connection, wish: ArgoWish, ports: ArgoPorts): Promise<Waited> {
  const { clock, log } = ports;
  const application = formatApplicationName(wish.name);
  const begun = clock.now();
  const known = { later: false, seen: false };
  let first: string | undefined;
  let seen = '';
  let refreshed = false;
  using deadline = new Deadline(wish.timeout, clock, ports.signal);

  const look = async (refresh: boolean): Promise<Sight | undefined> => {
    const seconds = refresh ? Math.min(REFRESH_SECONDS, deadline.remaining()) : deadline.remaining();
    using brief = new Deadline(seconds, clock, deadline.signal);
    let answer: Awaited<ReturnType<Connection['look']>>;
    try {
      answer = await connection.look({ refresh }, brief);
    } catch (error) {
      if (!(error instanceof ActionError) || error.code !== 'E_TIMEOUT') throw error;
      answer = { kind: 'unavailable', why: 'no answer in time' };
    }
    const now = answer.kind === 'unavailable' ? answer.why : describeSight(wish, answer);
    if (now !== seen) log.info(`${application}: ${now}`);
    seen = now;
    if (answer.kind === 'unavailable') return undefined;
    // The head of a branch moves forward: what it has moved to since we look, our commit lies behind.
    const wanted = answer.state.revisions.join(' ');
    first ??= wanted;
    known.later ||= wanted !== first || (refresh && clock.now() - begun >= SURE_SECONDS);
    return answer;
  };

  for (let again = true; ; ) {
    const sight = await look(again);
    if (sight !== undefined) {
      const arrival = judgeArrival(wish, sight, known);
      known.seen ||= sight.state.revisions.includes(wish.revision);
      if (arrival.kind === 'ended') return arrival;
      if (arrival.kind === 'failed') {
        throw new ActionError('E_ARGOCD_FAILED', {
          what: `application ${application}`,
          why: arrival.why,
          fix: 'Look at it in Argo CD; nothing was judged',
        });
      }
      if (arrival.kind === 'arrived') {
        const note = `Argo CD after ${formatSeconds(clock.now() - begun)}: ${seen}`;
        return { kind: 'arrived', arrived: arrivedOf(sight), sight, note };
      }
    }
    if (ports.signal.aborted) throw ports.signal.reason;
    const pause = POLL_SECONDS * (0.75 + ports.random() / 2);
    if (deadline.signal.aborted || pause >= deadline.remaining()) break;
    await clock.sleep(pause, ports.signal);
    const sure = clock.now() - begun >= SURE_SECONDS;
    again = sure && !known.later && !refreshed;
    refreshed ||= again;
  }
  const detail = `seen last, after ${formatSeconds(wish.timeout)}: ${seen}`;
  return { kind: 'ended', finding: { event: 'sync-timeout', detail } };
}
