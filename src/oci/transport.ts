/** Requests to one registry: login, redirects and retries around the plain HTTP client. */
import type { Readable } from 'node:stream';
import { type Http, HttpError, type HttpResponse, isLoopbackHost, retryAfter, withRetry } from '../http/index.ts';
import type { Clock, Deadline } from '../runner/index.ts';
import { Authenticator } from './auth.ts';
import type { Credentials } from './credentials.ts';
import { RegistryError, statusError } from './error.ts';
import { apiHost } from './name.ts';

export interface RegistryOptions {
  http: Http;
  clock: Clock;
  deadline: Deadline;
  random?: () => number;
  /** Further tries of each request after the first one (default 4). */
  retries?: number;
  /** The login, or how to get it when it is first needed. */
  credentials?: Credentials | (() => Promise<Credentials | undefined>) | undefined;
  /** Hosts that may receive the login as token server. */
  trustedRealms?: readonly string[];
  /** Hosts spoken to without TLS; loopback always is. The same list belongs into the policy of `http`. */
  insecure?: readonly string[];
  onToken?: (token: string) => void;
}

export interface Wanted {
  method: string;
  url: URL;
  scopes: readonly string[];
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | Readable;
  /** False for what must not be repeated blindly. */
  repeat?: boolean;
}

const ERROR_BODY = 64 * 1024;
const RETRY_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;
/** A longer wait is not waited for. */
export const RETRY_AFTER_CAP_MS = 60_000;

export function isTransient(status: number): boolean {
  return RETRY_STATUS.has(status);
}

export class Transport {
  readonly host: string;
  readonly base: URL;
  readonly #options: RegistryOptions;
  readonly #auth: Authenticator;

  /** @param host as in an image name */
  constructor(host: string, options: RegistryOptions) {
    const api = apiHost(host);
    const bare = new URL(`http://${api}`).hostname;
    const plain = isLoopbackHost(bare) || (options.insecure ?? []).includes(host);
    this.host = host;
    this.base = new URL(`${plain ? 'http' : 'https'}://${api}`);
    this.#options = options;
    const { trustedRealms = [], clock, onToken } = options;
    const { credentials: given } = options;
    const credentials = typeof given === 'function' ? given : async () => given;
    this.#auth = new Authenticator({ registry: this.base, credentials, trustedRealms, clock, onToken }, (request) =>
      this.retrying(() => this.#plain(request)),
    );
  }

  /** Sends with login, redirects and, unless `repeat` is false, retries. Any status is an answer. */
  send(wanted: Wanted): Promise<HttpResponse> {
    return wanted.repeat === false ? this.#withLogin(wanted) : this.retrying(() => this.#withLogin(wanted));
  }

  /** Repeats what ends in a transient status or fault, after the wait that the registry or the jitter says. */
  retrying(attempt: (n: number) => Promise<HttpResponse>): Promise<HttpResponse> {
    const { clock, deadline, random = Math.random, retries = 4 } = this.#options;
    let last: HttpResponse | undefined;
    return withRetry(
      async (n) => {
        await last?.discard();
        last = undefined;
        last = await attempt(n);
        return last;
      },
      {
        retries,
        baseMs: 500,
        capMs: 20_000,
        retryAfterCapMs: RETRY_AFTER_CAP_MS,
        clock,
        deadline,
        random,
        classify(outcome) {
          if ('error' in outcome) return isTransientError(outcome.error) ? 'retry' : 'ok';
          if (!isTransient(outcome.value.status)) return 'ok';
          const wait = retryAfter(outcome.value.headers, clock.now());
          return wait === undefined ? 'retry' : { retryAfterMs: wait * 1000 };
        },
      },
    ).catch((error: unknown) => {
      throw this.explain(error);
    });
  }

  /** Seconds that the registry asks to wait; undefined: it does not say. */
  wait(response: HttpResponse): number | undefined {
    return retryAfter(response.headers, this.#options.clock.now());
  }

  /** The error for a status that was not wanted; reads the body of the answer. */
  async failure(what: string, response: HttpResponse): Promise<RegistryError> {
    const body = await response.text(ERROR_BODY).catch(() => '');
    return statusError(what, response.status, body, this.wait(response));
  }

  async #withLogin(wanted: Wanted): Promise<HttpResponse> {
    const mine = wanted.url.origin === this.base.origin;
    const authorization = mine ? await this.#auth.header(wanted.scopes) : undefined;
    const response = await this.#redirected(wanted, authorization);
    if (response.status !== 401 || !mine) return response;
    if (!(await this.#auth.learn(response.headers, wanted.scopes, authorization))) return response;
    // A stream is used up; its sender starts the upload again with the new login.
    if (wanted.body !== undefined && !(wanted.body instanceof Uint8Array)) return response;
    const next = await this.#auth.header(wanted.scopes);
    if (next === undefined) return response;
    await response.discard();
    return this.#redirected(wanted, next);
  }

  async #redirected(wanted: Wanted, authorization: string | undefined): Promise<HttpResponse> {
    let { url } = wanted;
    let login = authorization;
    for (let hops = 0; ; hops += 1) {
      const headers = { ...wanted.headers, ...(login === undefined ? {} : { authorization: login }) };
      const body = wanted.body === undefined ? {} : { body: wanted.body };
      const response = await this.#plain({ method: wanted.method, url, headers, ...body });
      const location = response.headers.get('location');
      const follow = wanted.method === 'GET' || wanted.method === 'HEAD';
      if (!REDIRECTS.has(response.status) || !follow || location === null) return response;
      await response.discard();
      const refuse = (why: string): RegistryError =>
        new RegistryError('E_REDIRECT', response.status, `request to ${url.host}`, why, 'Ask who runs this registry');
      if (hops >= MAX_REDIRECTS) throw refuse(`more than ${MAX_REDIRECTS} redirects`);
      if (!URL.canParse(location, url.href)) throw refuse('the redirect leads to no URL');
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:') throw refuse('the redirect leaves https');
      // Once dropped never restored: a foreign host could redirect back to harvest it.
      if (next.origin !== url.origin) login = undefined;
      url = next;
    }
  }

  #plain(request: Parameters<Http['send']>[0]): Promise<HttpResponse> {
    return this.#options.http.send({ ...request, signal: this.#options.deadline.signal });
  }

  /** What the HTTP client throws, as an error of the suite; others pass. */
  explain(error: unknown): unknown {
    if (this.#options.deadline.signal.aborted) return this.#options.deadline.signal.reason;
    if (!(error instanceof HttpError)) return error;
    if (error.kind === 'policy') {
      const fix = 'Use https, or list the host under insecure-registries';
      return new RegistryError('E_REDIRECT', 0, `request to ${this.host}`, error.message, fix, error);
    }
    const fix = 'Check the registry name and that it can be reached from here, then run again';
    return new RegistryError('E_REGISTRY', 0, `registry ${this.host}`, error.message, fix, error);
  }
}

/** A RegistryError never is: what throws it has used up its own tries already. */
export function isTransientError(error: unknown): boolean {
  return error instanceof HttpError && error.transient;
}
