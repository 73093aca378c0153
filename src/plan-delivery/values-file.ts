/** Reads the values file at the head of the config branch, and its log, over the REST API of the forge: one request each. */
import { z } from 'zod';
import type { Http } from '../http/index.ts';
import { HttpError, retryAfter, withRetry } from '../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';

export interface ValuesFileAddress {
  apiUrl: URL;
  /** owner/name */
  repository: string;
  branch: string;
  path: string;
  token: string;
}

export interface Ports {
  http: Http;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
}

const MAX_BYTES = 2 * 1024 * 1024;
const MAX_LOG_BYTES = 8 * 1024 * 1024;
/** The most that a forge lists at once. */
const COMMITS = 100;

/**
 * The bytes of the file as text.
 * @throws ActionError E_PLAN_FILE (not there), E_PERMISSION_MISSING (token), E_CONFIG_UNREADABLE (no usable answer in time)
 */
export function readValuesFile(address: ValuesFileAddress, ports: Ports): Promise<string> {
  const path = address.path.split('/').map(encodeURIComponent).join('/');
  const what = `values file ${oneLine(address.path, 200)} of ${address.repository}@${address.branch}`;
  const query = { ref: address.branch };
  return ask(
    address,
    { path: `contents/${path}`, query, accept: 'application/vnd.github.raw+json', what, most: MAX_BYTES },
    ports,
  );
}

const commits = z.array(z.looseObject({ commit: z.looseObject({ message: z.string() }) }));

/**
 * Messages of the newest commits that changed the file, newest first.
 * @throws ActionError as readValuesFile
 */
export async function readLog(address: ValuesFileAddress, ports: Ports): Promise<string[]> {
  const what = `log of ${oneLine(address.path, 200)} of ${address.repository}@${address.branch}`;
  const query = { sha: address.branch, path: address.path, per_page: String(COMMITS) };
  const text = await ask(
    address,
    { path: 'commits', query, accept: 'application/vnd.github+json', what, most: MAX_LOG_BYTES },
    ports,
  );
  const read = commits.safeParse(parseJson(text));
  if (!read.success) throw unreadable(what, 'the answer is no list of commits');
  return read.data.map(({ commit }) => commit.message);
}

interface Question {
  /** Below the repository. */
  path: string;
  query: Readonly<Record<string, string>>;
  accept: string;
  what: string;
  /** Bytes of the answer. */
  most: number;
}

async function ask(
  address: ValuesFileAddress,
  { path, query, accept, what, most }: Question,
  ports: Ports,
): Promise<string> {
  const url = new URL(`${address.apiUrl.href.replace(/\/$/, '')}/repos/${address.repository}/${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const answer = await withRetry(
    async () => {
      const response = await ports.http.send({
        method: 'GET',
        url,
        headers: {
          authorization: `Bearer ${address.token}`,
          accept,
          'user-agent': 'plan-delivery',
          'x-github-api-version': '2022-11-28',
        },
        signal: ports.deadline.signal,
      });
      return {
        status: response.status,
        headers: response.headers,
        text: await response.text(most),
      };
    },
    {
      retries: 4,
      baseMs: 500,
      capMs: 8000,
      retryAfterCapMs: 30_000,
      clock: ports.clock,
      random: ports.random,
      deadline: ports.deadline,
      classify(outcome) {
        if ('error' in outcome) return outcome.error instanceof HttpError && outcome.error.transient ? 'retry' : 'ok';
        const { status, headers } = outcome.value;
        const wait = retryAfter(headers, ports.clock.now());
        if ((status === 429 || status === 403) && wait !== undefined) return { retryAfterMs: wait * 1000 };
        return status === 429 || status >= 500 ? 'retry' : 'ok';
      },
    },
  ).catch((cause: unknown) => {
    if (cause instanceof ActionError) throw cause;
    throw unreadable(what, cause instanceof Error ? oneLine(cause.message, 300) : 'no answer', cause);
  });
  if (answer.status === 200) return answer.text;
  if (answer.status === 404) {
    throw new ActionError('E_PLAN_FILE', {
      what,
      why: 'the forge says it is not there (404)',
      fix: 'Check repository, branch and path, and that the token may read this repository',
    });
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new ActionError('E_PERMISSION_MISSING', {
      what,
      why: `the token was refused (${answer.status})`,
      fix: 'Give it contents: read (and write, for the handoff) on this repository',
    });
  }
  throw unreadable(what, `the forge answered ${answer.status}`);
}

function unreadable(what: string, why: string, cause?: unknown): ActionError {
  return new ActionError('E_CONFIG_UNREADABLE', { what, why, fix: 'Run the job again when the forge answers', cause });
}
