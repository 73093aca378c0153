/** One question to the OSV API: retries, time-outs, size limits; an answer is JSON or a Problem. */
import {
  type AnswerHeaders,
  type Http,
  HttpError,
  type HttpResponse,
  retryAfter,
  withRetry,
} from '../../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import type { Problem } from '../types.ts';

export interface SendPorts {
  http: Http;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
}

export type Sent = { status: 200; json: unknown } | { status: number; text: string } | { problem: Problem };

const MAX_BODY = 32 * 1024 * 1024;
const ANSWER_SECONDS = 30;
const RETRIES = 4;

interface Raw {
  status: number;
  headers: AnswerHeaders;
  text: string;
}

/**
 * @param path below the base, "/v1/query"
 * @param body for POST; GET without one
 */
export async function send(base: URL, path: string, body: unknown, ports: SendPorts): Promise<Sent> {
  const url = new URL(base.pathname.replace(/\/+$/, '') + path, base.origin);
  const attempt = async (): Promise<Raw> => {
    const signal = AbortSignal.any([ports.deadline.signal, AbortSignal.timeout(ANSWER_SECONDS * 1000)]);
    const response: HttpResponse = await ports.http.send({
      method: body === undefined ? 'GET' : 'POST',
      url,
      headers: { accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'scan-deps' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    return { status: response.status, headers: response.headers, text: await response.text(MAX_BODY) };
  };
  try {
    const raw = await withRetry(attempt, {
      retries: RETRIES,
      baseMs: 500,
      capMs: 8000,
      retryAfterCapMs: 30_000,
      clock: ports.clock,
      random: ports.random,
      deadline: ports.deadline,
      classify: (outcome) => {
        if ('error' in outcome) return isTransient(outcome.error, ports.deadline) ? 'retry' : 'ok';
        const { status, headers } = outcome.value;
        if (status !== 408 && status !== 429 && status < 500) return 'ok';
        const wait = retryAfter(headers, ports.clock.now());
        return wait === undefined ? 'retry' : { retryAfterMs: Math.min(wait, 30) * 1000 };
      },
    });
    return read(raw, url);
  } catch (error) {
    return { problem: unreachable(error, url, ports.deadline) };
  }
}

function isTransient(error: unknown, deadline: Deadline): boolean {
  if (!(error instanceof HttpError) || deadline.signal.aborted) return false;
  return error.transient || error.kind === 'aborted';
}

function read(raw: Raw, url: URL): Sent {
  if (raw.status === 408 || raw.status === 429 || raw.status >= 500) {
    return { problem: { code: 'E_OSV_API', message: `${url.origin} answered ${raw.status} to ${url.pathname}` } };
  }
  if (raw.status !== 200) return { status: raw.status, text: raw.text };
  try {
    return { status: 200, json: JSON.parse(raw.text) as unknown };
  } catch {
    return { problem: badShape(url, raw.text) };
  }
}

/** E_OSV_SHAPE with the beginning of what came instead. */
export function badShape(url: URL, text: string, what = 'the answer is not JSON'): Problem {
  return { code: 'E_OSV_SHAPE', message: `${url.origin}${url.pathname}: ${what}: ${oneLine(text, 200)}` };
}

function unreachable(error: unknown, url: URL, deadline: Deadline): Problem {
  const reason: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
  if (reason instanceof ActionError && reason.code === 'E_CANCELLED') throw reason;
  if (reason instanceof HttpError && (reason.kind === 'too-large' || reason.kind === 'bad-body')) {
    return { code: 'E_OSV_SHAPE', message: reason.message };
  }
  const why = reason instanceof Error ? reason.message : String(reason);
  return { code: 'E_OSV_API', message: `no answer from ${url.origin}${url.pathname}: ${why}` };
}
