/** One write to GitHub: sent once, and sorted into what its answer means. */
import { type ApiOutcome, classify, type GitHubAnswer } from '../github/index.ts';
import type { Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

export const WRITE_MS = 30_000;

/** Refused for good. */
export type Refused = Extract<ApiOutcome, { kind: 'permission' | 'not-found' | 'protected' }>;
/** Nothing is decided for good. */
export type Unsettled = Extract<ApiOutcome, { kind: 'conflict' | 'throttled' | 'unknown' }>;
/** Nobody has thrown yet: only the caller knows what else stands when the write is refused. */
export type Written =
  | { kind: 'ok'; data: Record<string, unknown> }
  | (Unsettled & { answer?: GitHubAnswer })
  | { kind: 'refused'; why: Refused; answer: GitHubAnswer };

/** Sends a write, never again by itself. No answer is `unknown`. */
export async function sendWrite(send: () => Promise<GitHubAnswer>, clock: Clock): Promise<Written> {
  let answer: GitHubAnswer;
  try {
    answer = await send();
  } catch (error) {
    return { kind: 'unknown', detail: error instanceof Error ? oneLine(error.message, 200) : 'no answer' };
  }
  const outcome = classify(answer, clock.now());
  if (outcome.kind === 'permission' || outcome.kind === 'not-found' || outcome.kind === 'protected')
    return { kind: 'refused', why: outcome, answer };
  return outcome.kind === 'ok' ? outcome : { ...outcome, answer };
}

/** The same for REST, where the status says that it was done. */
export async function sendRest(send: () => Promise<GitHubAnswer>, clock: Clock): Promise<Written> {
  let done: Record<string, unknown> | undefined;
  const written = await sendWrite(async () => {
    const answer = await send();
    const { status, json } = answer;
    if (status >= 200 && status < 300 && typeof json === 'object' && json !== null)
      done = json as Record<string, unknown>;
    return answer;
  }, clock);
  return done === undefined ? written : { kind: 'ok', data: done };
}
