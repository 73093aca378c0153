/**
 * Time that stands still while anybody can still run and then jumps to the next appointment. With everything that waits on
 * it, a round of a hundred writers takes as long as their thinking, and the same seed gives the same interleaving.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/runner/index.ts';

interface Appointment {
  at: number;
  /** Decides between appointments of one moment. */
  lot: number;
  meet: () => void;
}

const START = 1_800_000_000;

export class VirtualTime implements Clock {
  #now = START;
  readonly #random: () => number;
  readonly #queue: Appointment[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  now(): number {
    return this.#now;
  }

  /** Seconds since the round began. */
  elapsed(): number {
    return this.#now - START;
  }

  after(seconds: number, meet: () => void): void {
    this.#queue.push({ at: this.#now + Math.max(0, seconds), lot: this.#random(), meet });
  }

  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.after(seconds, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** Drives time until the work is done, then until nothing is left to happen: a late effect may still come. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => {});
    for (;;) {
      // All promises that can go on have gone on when the loop comes round.
      await turn();
      const next = this.#take();
      if (next !== undefined) {
        this.#now = next.at;
        next.meet();
      } else if (done) return settled;
      else throw new Error('the round waits for something that will never happen');
    }
  }

  #take(): Appointment | undefined {
    let first = 0;
    for (const [i, a] of this.#queue.entries()) {
      const b = this.#queue[first] as Appointment;
      if (a.at < b.at || (a.at === b.at && a.lot < b.lot)) first = i;
    }
    const taken = this.#queue[first];
    const last = this.#queue.pop();
    if (taken !== last && last !== undefined) this.#queue[first] = last;
    return taken;
  }
}
