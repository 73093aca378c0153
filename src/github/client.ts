/** GraphQL and REST of one forge, for one token. No automatic retry: a mutation is never repeated by status alone. */
import type { AnswerHeaders, Http } from '../http/index.ts';
import { parseJson } from '../text/index.ts';

export interface GitHubAnswer {
  status: number;
  headers: AnswerHeaders;
  /** Parsed JSON, or undefined when the body is not JSON. */
  json: unknown;
}

export interface GitHubClient {
  /** POST of a document with variables. Rejects with HttpError when there is no answer. */
  graphql(
    query: string,
    variables: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<GitHubAnswer>;
  /** GET below the REST base: `/repos/o/r/compare/a...b?per_page=1`. */
  get(path: string, signal: AbortSignal): Promise<GitHubAnswer>;
  /** A write below the REST base. Rejects with HttpError when there is no answer. */
  send(
    method: 'POST' | 'PATCH' | 'PUT',
    path: string,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<GitHubAnswer>;
}

const MAX_ANSWER = 32 * 1024 * 1024;
const READ_MS = 15_000;

/**
 * @param apiUrl REST base; GraphQL is on the same origin: `/graphql`, or `/api/graphql` when the base ends in `/api/v3`
 * @param token '' reads what is public
 * @param agent name for the user-agent header
 */
export function gitHubClient(http: Http, apiUrl: URL, token: string, agent: string): GitHubClient {
  const headers = {
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    accept: 'application/vnd.github+json',
    'user-agent': agent,
    'x-github-api-version': '2022-11-28',
  };
  const base = apiUrl.href.replace(/\/+$/, '');
  const answer = async (request: Parameters<Http['send']>[0]): Promise<GitHubAnswer> => {
    const response = await http.send(request);
    const text = await response.text(MAX_ANSWER);
    return { status: response.status, headers: response.headers, json: parseJson(text) };
  };
  return {
    graphql: (query, variables, signal, timeoutMs) =>
      answer({
        method: 'POST',
        url: graphqlUrl(apiUrl),
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
        signal,
        timeouts: { headers: timeoutMs, body: timeoutMs },
      }),
    get: (path, signal) =>
      answer({
        method: 'GET',
        url: new URL(base + path),
        headers,
        signal,
        timeouts: { headers: READ_MS, body: READ_MS },
      }),
    send: (method, path, body, signal, timeoutMs) =>
      answer({
        method,
        url: new URL(base + path),
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
        timeouts: { headers: timeoutMs, body: timeoutMs },
      }),
  };
}

export function graphqlUrl(apiUrl: URL): URL {
  const path = apiUrl.pathname.replace(/\/+$/, '');
  return new URL(path.endsWith('/api/v3') ? `${path.slice(0, -2)}graphql` : `${path}/graphql`, apiUrl);
}
