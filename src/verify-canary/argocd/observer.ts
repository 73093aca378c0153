/**
 * Looks at the Application while the canary is judged, beside the judging and never in its way: one look at a time, each
 * with little time. Argo CD that does not answer is a warning, never a verdict.
 */
import { ActionError, Deadline } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import type { ArgoPorts, Connection } from './connection.ts';
import { type Arrived, type Finding, judgeSight } from './judge-sight.ts';
import type { Sight } from './sight.ts';
import type { ArgoWish } from './wish.ts';

export interface Observer {
  /** Begins a look when one is due, and never waits. @returns what the looks so far have found */
  poke(): Finding | null;
  /** A last look, waited for: nothing passes while Argo CD says that it is broken. */
  finish(): Promise<Finding | null>;
  /** Ends a look that is under way. */
  close(): Promise<void>;
}

export interface ObserverOptions {
  wish: ArgoWish;
  arrived: Arrived;
  /** Seconds from one look to the next. */
  interval: number;
  /** Told of every sight. */
  onSight?: (sight: Sight) => void;
}

const [SHORTEST, LONGEST] = [2, 10];

export function observe(connection: Connection, options: ObserverOptions, ports: ArgoPorts): Observer {
  const { wish, arrived, interval } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([ports.signal, stop.signal]);
  let finding: Finding | null = null;
  let under: Promise<void> | undefined;
  let next = ports.clock.now() + interval;
  let told = false;
  let broken: unknown;

  async function look(): Promise<void> {
    using deadline = new Deadline(Math.min(LONGEST, Math.max(SHORTEST, interval)), ports.clock, signal);
    try {
      const answer = await connection.look({ refresh: false }, deadline);
      if (answer.kind === 'unavailable') return warn(answer.why);
      options.onSight?.(answer);
      finding ??= judgeSight(wish, arrived, answer);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ActionError)) broken ??= error;
      else warn(error.code === 'E_TIMEOUT' ? 'it does not answer in time' : error.message);
    }
  }

  function warn(why: string): void {
    const text = `Argo CD cannot be asked while the canary is judged: ${oneLine(why, 400)}. The judging goes on without it`;
    if (told) ports.log.debug(text);
    else ports.log.warning('W_ARGOCD_UNAVAILABLE', text);
    told = true;
  }

  // A bug must not be lost in the background.
  function found(): Finding | null {
    if (broken !== undefined) throw broken;
    return finding;
  }

  return {
    poke() {
      if (under === undefined && ports.clock.now() >= next) {
        next = ports.clock.now() + interval;
        under = look().then(() => {
          under = undefined;
        });
      }
      return found();
    },
    async finish() {
      await under;
      if (finding === null) await look();
      return found();
    },
    async close() {
      stop.abort();
      await under;
    },
  };
}
