/** One request: who asks, which fault strikes, what has an effect, what is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ok, refusal, send } from './answer.ts';
import type { AppStore } from './apps.ts';
import type { Fault, Faults } from './faults.ts';
import { GIT_PATH, serveGit } from './git-http.ts';
import { operationName, repositoryId, runGraphql } from './graphql/index.ts';
import { rest } from './rest/index.ts';
import type { Repo } from './store.ts';
import { type AuthKind, type Caller, isToken, type Token, type TokenStore } from './tokens.ts';

export interface ForgeState {
  /** By name; a renamed repository stands under each name it had. */
  repos: Map<string, Repo>;
  tokens: TokenStore;
  apps: AppStore;
  faults: Faults;
  requests: ForgeRequest[];
  unknown: string[];
  url: string;
}

export interface ForgeRequest {
  method: string;
  /** Without its query and without `/api/v3`. */
  path: string;
  /** With its `?`, '' without one. */
  query: string;
  /** GraphQL operation name. */
  operation?: string;
  auth: AuthKind;
  /** Login of the token, '' without one. */
  login: string;
  /** 0 while it is under way, and when the connection was cut. */
  status: number;
  /** Of the answer's body. */
  bytes: number;
  /** Of the request's body; Git requests: not counted. */
  received: number;
  /** Unix milliseconds of its arrival. */
  at: number;
  /** Milliseconds until its end. */
  ms: number;
}

interface Request {
  req: IncomingMessage;
  target: URL;
  path: string;
  caller: Caller;
  credential: string;
  json: Record<string, unknown>;
  staleBy: number;
}

const MAX_BODY = 64 * 1024 * 1024;

export function handler(state: ForgeState): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    handle(state, req, res).catch((error: unknown) => {
      const message = (error as Error).message;
      if (res.headersSent) res.destroy();
      else void send(res, refusal(error instanceof TooLarge ? 413 : 500, `the lab's forge failed: ${message}`));
    });
  };
}

async function handle(state: ForgeState, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const target = new URL(req.url ?? '/', state.url);
  const path = target.pathname.replace(/^\/api\/v3(?=\/)/, '').replace(/^\/api\/graphql$/, '/graphql');
  const { caller, kind, value } = state.tokens.authenticate(req.headers);
  const record: ForgeRequest = {
    method: req.method ?? 'GET',
    path,
    query: target.search,
    auth: kind,
    login: isToken(caller) ? caller.login : '',
    status: 0,
    bytes: 0,
    received: 0,
    at: Date.now(),
    ms: 0,
  };
  state.requests.push(record);
  const started = performance.now();
  res.on('close', () => {
    record.ms = Math.round(performance.now() - started);
    if (res.headersSent) record.status = res.statusCode;
  });

  const isGit = GIT_PATH.test(path);
  const body = isGit ? Buffer.alloc(0) : await readBody(req);
  record.received = body.length;
  const json = parseJson(body);
  if (path === '/graphql') record.operation = operationName(typeof json.query === 'string' ? json.query : '');

  const fault = state.faults.next({ ...record, operation: record.operation });
  const request: Request = { req, target, path, caller, credential: value, json, staleBy: fault?.staleBy ?? 0 };
  if (fault?.delayMs !== undefined) await sleep(fault.delayMs);
  await fault?.meanwhile?.();
  if (await strike(fault, 'before', res, record)) {
    if (fault?.lateEffectMs !== undefined) {
      await sleep(fault.lateEffectMs);
      await drained(await effect(state, request));
    }
    return;
  }
  const answer = await effect(state, request);
  if (fault?.reset === 'after' || fault?.answer?.when === 'after') {
    // The effect is complete before its answer is lost.
    await drained(answer);
    await strike(fault, 'after', res, record);
    return;
  }
  record.bytes = await send(res, withLimits(answer, caller), fault?.slowBodyMs);
}

/** Does what the request asks for. */
async function effect(state: ForgeState, request: Request): Promise<Answer> {
  const { req, target, path, caller, json } = request;
  const git = GIT_PATH.exec(path);
  if (git !== null) {
    const repo = state.repos.get(git[1] ?? '');
    if (repo !== undefined && repo.fullName !== git[1]) {
      req.resume();
      return { status: 301, headers: { location: `${state.url}/${repo.fullName}.git/${git[2]}${target.search}` } };
    }
    return serveGit(req, { service: git[2] ?? '', query: target.search.slice(1) }, repo, caller, state.url);
  }
  const limited = isToken(caller) ? spend(caller, path === '/graphql') : undefined;
  if (limited !== undefined) return limited;
  if (path === '/graphql') return graphql(state, request);
  return rest({
    method: req.method ?? 'GET',
    path,
    url: state.url,
    self: `${state.url}${target.pathname}`,
    query: target.searchParams,
    body: json,
    caller,
    credential: request.credential,
    accept: String(req.headers.accept ?? ''),
    staleBy: request.staleBy,
    apps: state.apps,
    tokens: state.tokens,
    repositories: () => [...new Set(state.repos.values())],
    find: (name) => state.repos.get(name),
    unknown: (route) => state.unknown.push(route),
  });
}

async function graphql(state: ForgeState, { caller, json, staleBy, req }: Request): Promise<Answer> {
  if (caller === 'bad') return refusal(401, 'Bad credentials');
  if (caller === 'none') return refusal(401, 'This endpoint requires you to be authenticated.');
  if (req.method !== 'POST') return refusal(404, 'Not Found');
  const all = [...new Set(state.repos.values())];
  return ok(
    await runGraphql(json, {
      token: caller,
      url: state.url,
      staleBy,
      find: (name) => state.repos.get(name),
      findById: (id) => all.find((repo) => repositoryId(repo) === id),
      repositories: () => all,
      unknown: (field) => state.unknown.push(`GraphQL ${field}`),
    }),
  );
}

// The primary rate limit: counted, and refused in the two forms that GitHub has.
function spend(token: Token, isGraphql: boolean): Answer | undefined {
  token.used += 1;
  if (token.rateLimit === undefined || token.used <= token.rateLimit) return undefined;
  const message = `API rate limit exceeded for ${token.login}`;
  return isGraphql ? ok({ errors: [{ type: 'RATE_LIMITED', message }] }) : refusal(403, message);
}

function withLimits(answer: Answer, caller: Caller): Answer {
  if (!isToken(caller) || caller.rateLimit === undefined) return answer;
  return {
    ...answer,
    headers: {
      ...answer.headers,
      'x-ratelimit-limit': String(caller.rateLimit),
      'x-ratelimit-remaining': String(Math.max(0, caller.rateLimit - caller.used)),
      'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3600),
    },
  };
}

/** Carries out a fault. @returns true when the request is answered, or cut, by it */
async function strike(
  fault: Fault | undefined,
  when: 'before' | 'after',
  res: ServerResponse,
  record: ForgeRequest,
): Promise<boolean> {
  if (fault?.reset === when) {
    res.destroy();
    return true;
  }
  if (fault?.answer === undefined || (fault.answer.when ?? 'before') !== when) return false;
  const { status, headers, body = '{"message":"fault"}' } = fault.answer;
  const raw = Buffer.from(body);
  record.bytes = await send(res, { status, raw, headers: { 'content-type': 'application/json', ...headers } });
  return true;
}

async function drained(answer: Answer): Promise<void> {
  if (answer.stream === undefined) return;
  answer.stream.resume();
  await new Promise((resolve) => answer.stream?.once('close', resolve));
}

class TooLarge extends Error {}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of req) {
    size += (part as Buffer).length;
    if (size > MAX_BODY) throw new TooLarge(`a body of more than ${MAX_BODY} bytes`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function parseJson(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8') || '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
