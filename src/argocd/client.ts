/** Argo CD's API, read only: one request, GET of an Application. A token that may do no more than that is enough. */
import { type Http, HttpError, type HttpResponse, retryAfter, withRetry } from '../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';
import { type ApplicationState, readApplication } from './application.ts';
import { type ApplicationName, formatApplicationName } from './name.ts';

/** `unavailable`: no answer, or one of a server in trouble; asking again later may help. */
export type ApplicationAnswer = { kind: 'application'; state: ApplicationState } | { kind: 'unavailable'; why: string };

export interface ArgoCd {
  /**
   * @param refresh has Argo CD look at Git again before it answers, which takes as long as its controller is busy
   * @throws ActionError E_PERMISSION_MISSING, E_ARGOCD_MISSING, E_REDIRECT, E_ARGOCD_UNREADABLE (no API of Argo CD), and
   *   the reason of the deadline
   */
  application(name: ApplicationName, options: { refresh: boolean }, deadline: Deadline): Promise<ApplicationAnswer>;
}

export interface ArgoCdPorts {
  http: Http;
  clock: Clock;
  random: () => number;
}

const MAX_ANSWER = 32 * 1024 * 1024;
const READ_MS = 15_000;
/** The server holds a refresh back until the controller has compared again. */
const REFRESH_MS = 60_000;
const RETRIES = 3;

/** @param server base address; a path in it is kept, for servers that run with a root path */
export function openArgoCd(server: URL, token: string, ports: ArgoCdPorts): ArgoCd {
  const where = oneLine(server.host, 200);
  const base = `${server.origin}${server.pathname.replace(/\/+$/, '')}/api/v1/applications/`;

  return {
    async application(name, { refresh }, deadline) {
      const url = new URL(base + encodeURIComponent(name.name));
      if (name.namespace !== '') url.searchParams.set('appNamespace', name.namespace);
      if (name.project !== '') url.searchParams.set('project', name.project);
      if (refresh) url.searchParams.set('refresh', 'normal');
      try {
        const answer = await withRetry(() => attempt(url, refresh ? REFRESH_MS : READ_MS, deadline.signal), {
          retries: RETRIES,
          baseMs: 500,
          capMs: 4000,
          retryAfterCapMs: 30_000,
          clock: ports.clock,
          random: ports.random,
          deadline,
          classify(outcome) {
            if ('error' in outcome)
              return outcome.error instanceof HttpError && outcome.error.transient ? 'retry' : 'ok';
            if (!isTrouble(outcome.value.status)) return 'ok';
            const wait = retryAfter(outcome.value.headers, ports.clock.now());
            return wait === undefined ? 'retry' : { retryAfterMs: wait * 1000 };
          },
        });
        return read(name, answer);
      } catch (error) {
        if (deadline.signal.aborted) throw deadline.signal.reason;
        if (!(error instanceof HttpError)) throw error;
        if (error.transient) return { kind: 'unavailable', why: hide(error.message) };
        throw unreadable(hide(error.message), error);
      }
    },
  };

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

  function read(name: ApplicationName, { status, headers, text }: Answer): ApplicationAnswer {
    const json = parseJson(text);
    const said = hide(messageOf(json));
    if (isTrouble(status)) return { kind: 'unavailable', why: `${where} answered ${status}${said && `: ${said}`}` };
    if (status >= 300 && status < 400) {
      throw new ActionError('E_REDIRECT', {
        what: `Argo CD at ${where}`,
        why: `it answered ${status} and points to ${hide(headers.get('location') ?? 'nowhere')}; a token is not sent after a redirect`,
        fix: 'Set argocd-server to the address that answers itself',
      });
    }
    if (status === 401 || status === 403) throw refused(name, status, said);
    if (status === 404) throw missing(name, said);
    const state = status === 200 ? readApplication(json) : undefined;
    if (state !== undefined) return { kind: 'application', state };
    const kind = oneLine(headers.get('content-type') ?? 'no content type', 60);
    throw unreadable(
      json === undefined
        ? `it answered ${status} with ${kind} in place of JSON: another server, or a login page before it`
        : `it answered ${status}${said && `: ${said}`}, and no Application`,
    );
  }

  function refused(name: ApplicationName, status: number, said: string): ActionError {
    const object = `${name.project || '<project>'}/${name.namespace === '' ? '' : `${name.namespace}/`}${name.name}`;
    return new ActionError('E_PERMISSION_MISSING', {
      what: `Argo CD at ${where}, application ${formatApplicationName(name)}`,
      why:
        status === 401
          ? `it takes the token for none of its own (401${said && `: ${said}`})`
          : `the token may not read it, or there is no such application: Argo CD answers both alike (403${said && `: ${said}`})`,
      fix:
        status === 401
          ? 'Make a new token and set argocd-token'
          : `Check the name, and give the role of the token "p, <role>, applications, get, ${object}, allow"`,
    });
  }

  function missing(name: ApplicationName, said: string): ActionError {
    return new ActionError('E_ARGOCD_MISSING', {
      what: `Argo CD at ${where}, application ${formatApplicationName(name)}`,
      why: `there is none of this name (404${said && `: ${said}`})`,
      fix: 'Check argocd-applications and the path of argocd-server',
    });
  }

  function unreadable(why: string, cause?: unknown): ActionError {
    const fix = 'Check argocd-server: it is the address of the API and of the web page of Argo CD';
    return new ActionError('E_ARGOCD_UNREADABLE', {
      what: `Argo CD at ${where}`,
      why,
      fix,
      ...(cause === undefined ? {} : { cause }),
    });
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
