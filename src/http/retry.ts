/** Retries with full jitter under a deadline. Only for what is idempotent, or can be looked up before it is repeated. */
import type { Clock, Deadline } from '../runner/index.ts';
import type { AnswerHeaders } from './headers.ts';

/**
 * The wait a server asks for in `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3).
 * @param now unix seconds, for the date form
 * @returns seconds, never negative; undefined when the header is absent or malformed
 */
export function retryAfter(headers: Pick<AnswerHeaders, 'get'>, now: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = /^[A-Za-z]{3}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date / 1000 - now);
}

export type Outcome<T> = { value: T } | { error: unknown };
/** `ok`: hand the outcome on. `retry`: wait with jitter. `retryAfterMs`: wait as the server said. */
export type Advice = 'ok' | 'retry' | { retryAfterMs: number };

export interface RetryOptions<T> {
  /** Further tries after the first one. */
  retries: number;
  /** Jitter is uniform in [0, min(cap, base * 2^n)] for try n (AWS "full jitter"). */
  baseMs: number;
  capMs: number;
  /** A server that asks for a longer wait is not waited for: the outcome is handed on. */
  retryAfterCapMs: number;
  classify(outcome: Outcome<T>): Advice;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
}

/**
 * Runs the attempt until `classify` says ok or the tries, or the deadline, are used up; then the last outcome stands:
 * its value is returned or its error thrown. Aborting the deadline rejects with the deadline's reason.
 */
export async function withRetry<T>(attempt: (n: number) => Promise<T>, options: RetryOptions<T>): Promise<T> {
  for (let n = 0; ; n += 1) {
    options.deadline.check('request');
    const outcome: Outcome<T> = await attempt(n).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const advice = options.classify(outcome);
    const wait = advice === 'ok' ? undefined : nextDelay(n, advice, options);
    if (wait === undefined) {
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    }
    await options.clock.sleep(wait / 1000, options.deadline.signal);
  }
}

function nextDelay<T>(n: number, advice: Exclude<Advice, 'ok'>, o: RetryOptions<T>): number | undefined {
  if (n >= o.retries) return undefined;
  if (advice !== 'retry' && advice.retryAfterMs > o.retryAfterCapMs) return undefined;
  const wait = advice === 'retry' ? o.random() * Math.min(o.capMs, o.baseMs * 2 ** n) : advice.retryAfterMs;
  return wait / 1000 < o.deadline.remaining() ? wait : undefined;
}
