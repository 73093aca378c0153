/** One total deadline for an action: every wait and request is cut by it. */
import type { Clock } from './clock.ts';
import { ActionError } from './errors.ts';

export class Deadline implements Disposable {
  /** Aborted when the time is up or the parent is aborted; its reason is the ActionError to throw. */
  readonly signal: AbortSignal;
  readonly #end: number;
  readonly #clock: Clock;
  readonly #release: () => void;

  /** @param seconds total time from now @param parent aborts the deadline too (a termination signal) */
  constructor(seconds: number, clock: Clock, parent?: AbortSignal) {
    this.#clock = clock;
    this.#end = clock.now() + seconds;
    const controller = new AbortController();
    this.signal = controller.signal;
    const timer = setTimeout(() => controller.abort(timeUp(seconds)), seconds * 1000);
    timer.unref();
    const onParent = (): void => controller.abort(parent?.reason);
    if (parent?.aborted) onParent();
    parent?.addEventListener('abort', onParent, { once: true });
    this.#release = () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', onParent);
    };
  }

  /** Seconds left, never below 0. */
  remaining(): number {
    return Math.max(0, this.#end - this.#clock.now());
  }

  /** Throws E_TIMEOUT when the time is up, or the parent's reason (E_CANCELLED) when that was aborted. */
  check(what: string): void {
    if (this.signal.aborted) throw this.signal.reason;
    if (this.remaining() <= 0) throw timeUp(0, what);
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}

function timeUp(seconds: number, what = 'deadline'): ActionError {
  return new ActionError('E_TIMEOUT', {
    what,
    why: seconds > 0 ? `the ${seconds} s given to this action are over` : 'the time given to this action is over',
    fix: 'Look at the last line of the log for what took so long, or raise the timeout',
  });
}
