/** What an answer of GitHub means for a write. */
import { retryAfter } from '../http/index.ts';
import { oneLine } from '../text/index.ts';
import type { GitHubAnswer } from './client.ts';

export type ApiOutcome =
  | { kind: 'ok'; data: Record<string, unknown> }
  | { kind: 'conflict'; detail: string }
  | { kind: 'throttled'; waitSeconds: number }
  | { kind: 'permission'; detail: string }
  | { kind: 'not-found'; detail: string }
  | { kind: 'protected'; detail: string }
  | { kind: 'unknown'; detail: string };

interface GraphqlError {
  type: string;
  message: string;
}

/** GitHub's own advice when it names no time. */
const DEFAULT_WAIT = 60;

/**
 * Sorts an answer by `errors[].type`, then by message, then by status. An answer that fits nowhere is `unknown`: whether it
 * had an effect must be looked up, never assumed.
 * @param now unix seconds
 */
export function classify(answer: GitHubAnswer, now: number): ApiOutcome {
  const body = (typeof answer.json === 'object' && answer.json !== null ? answer.json : {}) as Record<string, unknown>;
  const errors = readErrors(body);
  const detail = oneLine(
    errors.flatMap((e) => (e.message === '' ? [] : [e.message])).join('; ') || `status ${answer.status}`,
    500,
  );
  const types = new Set(errors.map((e) => e.type));
  if (
    types.has('STALE_DATA') ||
    /Expected branch to point to|cannot lock ref|reference .* changed|not a fast.forward/i.test(detail) ||
    answer.status === 409
  ) {
    return { kind: 'conflict', detail };
  }
  if (isThrottled(answer, types, detail)) return { kind: 'throttled', waitSeconds: waitOf(answer, now) };
  if (/GH013|rule violations|through a pull request|protected branch/i.test(detail))
    return { kind: 'protected', detail };
  if (types.has('NOT_FOUND') || answer.status === 404) return { kind: 'not-found', detail };
  if (
    types.has('FORBIDDEN') ||
    types.has('INSUFFICIENT_SCOPES') ||
    answer.status === 401 ||
    answer.status === 403 ||
    /Resource not accessible/.test(detail)
  ) {
    return { kind: 'permission', detail };
  }
  const data = body.data;
  if (errors.length === 0 && answer.status === 200 && typeof data === 'object' && data !== null)
    return { kind: 'ok', data: data as Record<string, unknown> };
  return { kind: 'unknown', detail };
}

function isThrottled(answer: GitHubAnswer, types: ReadonlySet<string>, detail: string): boolean {
  // GitHub says RATE_LIMIT or RATE_LIMITED, and sometimes neither.
  if (types.has('RATE_LIMITED') || types.has('RATE_LIMIT')) return true;
  if (/secondary rate limit|abuse detection|API rate limit (already )?exceeded/i.test(detail)) return true;
  if (answer.status !== 403 && answer.status !== 429) return false;
  return (
    answer.status === 429 || answer.headers.has('retry-after') || answer.headers.get('x-ratelimit-remaining') === '0'
  );
}

function waitOf(answer: GitHubAnswer, now: number): number {
  const asked = retryAfter(answer.headers, now);
  if (asked !== undefined) return asked;
  // The reset belongs to the primary limit: with requests left, it is the secondary one that was hit.
  const left = Number(answer.headers.get('x-ratelimit-remaining') ?? 0);
  const reset = Number(answer.headers.get('x-ratelimit-reset') ?? Number.NaN);
  return left === 0 && Number.isFinite(reset) && reset > 0 ? Math.max(1, reset - now) : DEFAULT_WAIT;
}

function readErrors(body: Record<string, unknown>): GraphqlError[] {
  const list = Array.isArray(body.errors) ? body.errors : [];
  const errors = list.map((error: unknown) => {
    const e = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
    return { type: String(e.type ?? ''), message: String(e.message ?? '') };
  });
  // REST: a message for the whole, and entries that explain it or only name a field.
  const whole = typeof body.message === 'string' ? [{ type: '', message: body.message }] : [];
  return [...whole, ...errors];
}
