/** Time as a port: what waits or measures takes a Clock, so that a test decides what time it is. */

export interface Clock {
  /** Unix seconds. Starts at the wall clock and then only rises, whatever is done to the machine's time. */
  now(): number;
  /** Resolves after the time, or rejects with the signal's reason when it is aborted first. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
}

const origin = Date.now() / 1000 - performance.now() / 1000;

export const systemClock: Clock = {
  now: () => origin + performance.now() / 1000,
  sleep: (seconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, seconds * 1000);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** A clock that moves only when told to, or when somebody sleeps on it. */
export function fakeClock(start = 1_700_000_000): Clock & { advance(seconds: number): void; readonly slept: number[] } {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    advance(seconds) {
      now += seconds;
    },
    async sleep(seconds, signal) {
      if (signal?.aborted) throw signal.reason;
      slept.push(seconds);
      now += seconds;
    },
  };
}
