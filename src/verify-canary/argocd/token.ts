/** A token of Argo CD for a job that has none: the job's own OIDC token, exchanged at the Dex that Argo CD brings along. */
import { type Http, HttpError, withRetry } from '../../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../../runner/index.ts';
import { oneLine, parseJson } from '../../text/index.ts';
import type { Oidc } from './wish.ts';

export interface TokenPorts {
  http: Http;
  clock: Clock;
  random: () => number;
  /** Hides a secret from everything that is printed. */
  mask(secret: string): void;
}

const MAX_ANSWER = 64 * 1024;
const TIMEOUT_MS = 15_000;
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type';
const FIX =
  'Set argocd-token, or let Dex of Argo CD have a connector github-actions of type oidc, as the README of this action shows';

interface Answer {
  status: number;
  text: string;
}

/** @throws ActionError E_PERMISSION_MISSING, and the reason of the deadline */
export async function exchangeToken(server: URL, oidc: Oidc, ports: TokenPorts, deadline: Deadline): Promise<string> {
  const own = await jobToken(oidc, ports, deadline);
  ports.mask(own);
  const url = new URL(`${server.origin}${server.pathname.replace(/\/+$/, '')}/api/dex/token`);
  const form = new URLSearchParams({
    connector_id: 'github-actions',
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    scope: 'openid email profile federated:id',
    requested_token_type: `${TOKEN_TYPE}:access_token`,
    subject_token: own,
    subject_token_type: `${TOKEN_TYPE}:id_token`,
  });
  const answer = await send(
    'POST',
    url,
    `Basic ${Buffer.from('argo-cd-cli:').toString('base64')}`,
    form,
    ports,
    deadline,
  );
  const token = textOf(answer.text, 'access_token');
  if (answer.status === 200 && token !== '') {
    ports.mask(token);
    return token;
  }
  const said = textOf(answer.text, 'error_description') || textOf(answer.text, 'error');
  throw refused(
    `Dex of Argo CD at ${oneLine(url.host, 200)}`,
    `it answered ${answer.status} to the token of this job${said === '' ? '' : `: ${said.split(own).join('***')}`}`,
  );
}

async function jobToken(oidc: Oidc, ports: TokenPorts, deadline: Deadline): Promise<string> {
  const answer = await send('GET', oidc.url, `Bearer ${oidc.token}`, undefined, ports, deadline);
  const token = textOf(answer.text, 'value');
  if (answer.status === 200 && token !== '') return token;
  throw refused('OIDC token of this job', `the runner answered ${answer.status} and gave none`);
}

async function send(
  method: 'GET' | 'POST',
  url: URL,
  authorization: string,
  form: URLSearchParams | undefined,
  ports: TokenPorts,
  deadline: Deadline,
): Promise<Answer> {
  const attempt = async (): Promise<Answer> => {
    const response = await ports.http.send({
      method,
      url,
      headers: {
        authorization,
        accept: 'application/json',
        'user-agent': 'delivery-actions',
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { body: form.toString() }),
      signal: deadline.signal,
      timeouts: { headers: TIMEOUT_MS, body: TIMEOUT_MS },
    });
    return { status: response.status, text: await response.text(MAX_ANSWER) };
  };
  try {
    // An exchange changes nothing: it may be repeated.
    return await withRetry(attempt, {
      retries: 3,
      baseMs: 500,
      capMs: 4000,
      retryAfterCapMs: 30_000,
      clock: ports.clock,
      random: ports.random,
      deadline,
      classify: (outcome) =>
        'error' in outcome
          ? outcome.error instanceof HttpError && outcome.error.transient
            ? 'retry'
            : 'ok'
          : outcome.value.status >= 500 || outcome.value.status === 429
            ? 'retry'
            : 'ok',
    });
  } catch (error) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    if (!(error instanceof HttpError)) throw error;
    throw refused(`token for Argo CD from ${oneLine(url.host, 200)}`, oneLine(error.message, 300), error);
  }
}

function textOf(text: string, key: string): string {
  const json = parseJson(text);
  const value = typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' ? value : '';
}

function refused(what: string, why: string, cause?: unknown): ActionError {
  return new ActionError('E_PERMISSION_MISSING', {
    what,
    why: oneLine(why, 400),
    fix: FIX,
    ...(cause === undefined ? {} : { cause }),
  });
}
