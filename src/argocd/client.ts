/** Argo CD's API, read only: every request is a GET. A token that may `applications, get` is enough. */
import { type Http, HttpError, type HttpResponse, retryAfter, withRetry } from '../http/index.ts';
import type { Clock, Deadline } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';
import { type ApplicationState, readApplication } from './application.ts';
import { isFields } from './fields.ts';
import type { ApplicationName } from './name.ts';
import { type InputNames, refusalsOf } from './refusals.ts';
import { type ResourceTree, readTree } from './tree.ts';

/** No answer, or one of a server in trouble; asking again later may help. */
export interface Unavailable {
  kind: 'unavailable';
  why: string;
}
export type ApplicationAnswer = { kind: 'application'; state: ApplicationState } | Unavailable;
export type TreeAnswer = { kind: 'tree'; tree: ResourceTree } | Unavailable;
/** `manifest`: the live object, parsed. */
export type ResourceAnswer = { kind: 'resource'; manifest: unknown } | Unavailable;

export interface ResourceRef {
  group: string;
  version: string;
  kind: string;
  namespace: string;
  name: string;
}

/**
 * Every method rejects with an ActionError E_PERMISSION_MISSING, E_ARGOCD_MISSING, E_REDIRECT, E_ARGOCD_UNREADABLE (no API
 * of Argo CD), or the reason of the deadline.
 */
export interface ArgoCd {
  /** @param refresh has Argo CD look at Git again before it answers, which takes as long as its controller is busy */
  application(name: ApplicationName, options: { refresh: boolean }, deadline: Deadline): Promise<ApplicationAnswer>;
  resourceTree(name: ApplicationName, deadline: Deadline): Promise<TreeAnswer>;
  /** One live object of the application. */
  resource(name: ApplicationName, ref: ResourceRef, deadline: Deadline): Promise<ResourceAnswer>;
}

export interface ArgoCdPorts {
  http: Http;
  clock: Clock;
  random: () => number;
  /** How often a request is repeated when nobody answers (default 3). */
  retries?: number;
}

const MAX_ANSWER = 32 * 1024 * 1024;
const READ_MS = 15_000;
/** The server holds a refresh back until the controller has compared again. */
const REFRESH_MS = 60_000;
const RETRIES = 3;
const INPUTS: InputNames = { server: 'argocd-server', application: 'argocd-applications', token: 'argocd-token' };

/** @param server base address; a path in it is kept, for servers that run with a root path */
export function openArgoCd(server: URL, token: string, ports: ArgoCdPorts, inputs = INPUTS): ArgoCd {
  const where = oneLine(server.host, 200);
  const base = `${server.origin}${server.pathname.replace(/\/+$/, '')}/api/v1/applications/`;
  const refusals = refusalsOf(where, inputs);

  return {
    async application(name, { refresh }, deadline) {
      const url = addressOf(name, '', refresh ? { refresh: 'normal' } : {});
      return ask(name, url, refresh ? REFRESH_MS : READ_MS, deadline, 'Application', (json) => {
        const state = readApplication(json);
        return state && { kind: 'application', state };
      });
    },
    async resourceTree(name, deadline) {
      return ask(name, addressOf(name, '/resource-tree'), READ_MS, deadline, 'resource tree', (json) => {
        const tree = readTree(json);
        return tree && { kind: 'tree', tree };
      });
    },
    async resource(name, ref, deadline) {
      const { name: resourceName, ...rest } = ref;
      const url = addressOf(name, '/resource', { resourceName, ...rest });
      return ask(name, url, READ_MS, deadline, 'resource', (json) => {
        const text = isFields(json) && typeof json.manifest === 'string' ? json.manifest : '';
        const manifest = parseJson(text);
        return manifest === undefined ? undefined : { kind: 'resource', manifest };
      });
    },
  };

  function addressOf(name: ApplicationName, path: string, query: Readonly<Record<string, string>> = {}): URL {
    const url = new URL(base + encodeURIComponent(name.name) + path);
    if (name.namespace !== '') url.searchParams.set('appNamespace', name.namespace);
    if (name.project !== '') url.searchParams.set('project', name.project);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  }

  async function ask<T>(
    name: ApplicationName,
    url: URL,
    timeout: number,
    deadline: Deadline,
    what: string,
    parse: (json: unknown) => T | undefined,
  ): Promise<T | Unavailable> {
    try {
      const answer = await withRetry(() => attempt(url, timeout, deadline.signal), {
        retries: ports.retries ?? RETRIES,
        baseMs: 500,
        capMs: 4000,
        retryAfterCapMs: 30_000,
        clock: ports.clock,
        random: ports.random,
        deadline,
        classify(outcome) {
          if ('error' in outcome) return outcome.error instanceof HttpError && outcome.error.transient ? 'retry' : 'ok';
          if (!isTrouble(outcome.value.status)) return 'ok';
          const wait = retryAfter(outcome.value.headers, ports.clock.now());
          return wait === undefined ? 'retry' : { retryAfterMs: wait * 1000 };
        },
      });
      return read(name, answer, what, parse);
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      if (!(error instanceof HttpError)) throw error;
      if (error.transient) return { kind: 'unavailable', why: hide(error.message) };
      throw refusals.unreadable(hide(error.message), error);
    }
  }

  async function attempt(url: URL, timeout: number, signal: AbortSignal): Promise<Answer> {
    const response = await ports.http.send({
      method: 'GET',
      url,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'user-agent': 'delivery-actions',
      },
      signal,
      timeouts: { headers: timeout, body: timeout },
    });
    const { status, headers } = response;
    return { status, headers, text: await response.text(MAX_ANSWER) };
  }

  function read<T>(
    name: ApplicationName,
    { status, headers, text }: Answer,
    what: string,
    parse: (json: unknown) => T | undefined,
  ): T | Unavailable {
    const json = parseJson(text);
    const said = hide(messageOf(json));
    if (isTrouble(status)) return { kind: 'unavailable', why: `${where} answered ${status}${said && `: ${said}`}` };
    if (status >= 300 && status < 400) throw refusals.redirect(status, hide(headers.get('location') ?? 'nowhere'));
    if (status === 401 || status === 403) throw refusals.refused(name, status, said);
    if (status === 404) throw refusals.missing(name, said);
    const result = status === 200 ? parse(json) : undefined;
    if (result !== undefined) return result;
    const kind = oneLine(headers.get('content-type') ?? 'no content type', 60);
    throw refusals.unreadable(
      json === undefined
        ? `it answered ${status} with ${kind} in place of JSON: another server, or a login page before it`
        : `it answered ${status}${said && `: ${said}`}, and no ${what}`,
    );
  }

  // A server, or a proxy before it, may well repeat the header it did not like.
  function hide(text: string): string {
    return oneLine(token === '' ? text : text.split(token).join('***'), 300);
  }
}

interface Answer extends Pick<HttpResponse, 'status' | 'headers'> {
  text: string;
}

function isTrouble(status: number): boolean {
  return status >= 500 || status === 429;
}

/** grpc-gateway says `message`, and `error` too. */
function messageOf(json: unknown): string {
  const body = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const text = body.message ?? body.error;
  return typeof text === 'string' ? text : '';
}
