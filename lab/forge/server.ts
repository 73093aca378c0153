/** The forge: Git over HTTP, REST and GraphQL on one loopback port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { type AppOptions, Apps } from './apps.ts';
import { gitHttp, pushedRefs } from './cgi.ts';
import { type Fault, Faults } from './faults.ts';
import { operationName, runGraphql } from './graphql.ts';
import { type RestAnswer, ROUTES } from './rest.ts';
import { pushRules } from './rules.ts';
import { createBare, Repo } from './store.ts';
import { mayRead, mayWrite, sees, type Token, type TokenOptions, TokenStore } from './tokens.ts';

export interface ForgeRequest {
  method: string;
  path: string;
  operation?: string;
  /** Login of the token, '' without one. */
  login: string;
  status: number;
  bytes: number;
  at: number;
}

export interface RepositoryOptions {
  private?: boolean;
  defaultBranch?: string;
  /** First commit: path -> content. */
  files?: Readonly<Record<string, string | Buffer>>;
}

export interface Forge extends AsyncDisposable {
  /** Server, as in GITHUB_SERVER_URL; Git lives below it. */
  readonly url: string;
  /** REST base, as in GITHUB_API_URL of a GitHub Enterprise Server. The same routes answer below `url` itself, as on api.github.com. */
  readonly apiUrl: string;
  readonly graphqlUrl: string;
  createRepository(fullName: string, options?: RepositoryOptions): Promise<{ gitUrl: string; path: string }>;
  repository(fullName: string): Repo;
  createToken(options: TokenOptions): string;
  revokeToken(token: string): void;
  /** Installs an App, whose private key then buys tokens. */
  registerApp(options: AppOptions): void;
  readonly faults: Faults;
  /** Every request, in order of arrival. */
  requests(): readonly ForgeRequest[];
  clearRequests(): void;
  /** Requests to routes the forge does not know: a test fails when there are any. */
  unknownRoutes(): readonly string[];
  close(): Promise<void>;
}

const MAX_BODY = 64 * 1024 * 1024;

export async function startForge(options: { dir?: string; port?: number } = {}): Promise<Forge> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'forge-')));
  const repos = new Map<string, Repo>();
  const tokens = new TokenStore();
  const faults = new Faults();
  const apps = new Apps(tokens);
  const requests: ForgeRequest[] = [];
  const unknown: string[] = [];
  let url = '';

  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      if (!res.headersSent) res.writeHead(500, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ message: error instanceof Error ? error.message : String(error) }));
    });
  });

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = new URL(req.url ?? '/', url);
    const path = target.pathname.replace(/^\/api\/v3(?=\/)/, '').replace(/^\/api\/graphql$/, '/graphql');
    const gitPath = /^\/([^/]+\/[^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(path);
    const auth = tokens.authenticate(req.headers);
    const record: ForgeRequest = {
      method: req.method ?? 'GET',
      path,
      login: typeof auth === 'string' ? '' : auth.login,
      status: 0,
      bytes: 0,
      at: Date.now(),
    };
    requests.push(record);
    res.on('finish', () => {
      record.status = res.statusCode;
    });

    // A receive-pack body goes on as it comes; its start is read first for the refs it moves.
    const body = gitPath === null ? await readBody(req) : Buffer.alloc(0);
    const json = gitPath === null ? parseJson(body) : {};
    if (path === '/graphql') record.operation = operationName(String(json.query ?? '')) ?? '';
    const fault = faults.next({ method: record.method, path, operation: record.operation });
    if (await strike(fault, 'before', res)) return;
    const send = async (answer: RestAnswer): Promise<void> => {
      if (await strike(fault, 'after', res)) return;
      const bytes = answer.raw ?? Buffer.from(answer.json === undefined ? '' : JSON.stringify(answer.json));
      record.bytes = bytes.length;
      res.writeHead(answer.status, {
        'content-type': answer.raw ? 'application/octet-stream' : 'application/json; charset=utf-8',
        'content-length': bytes.length,
      });
      if (fault?.slowBodyMs !== undefined) {
        res.write(bytes.subarray(0, bytes.length >> 1));
        await new Promise((resolve) => setTimeout(resolve, fault.slowBodyMs));
        res.end(bytes.subarray(bytes.length >> 1));
      } else res.end(bytes);
    };

    if (gitPath !== null) return serveGit(req, res, target, gitPath[1] ?? '', gitPath[2] ?? '', auth, record, fault);
    // A JWT of an App is no token of ours: the Apps judge it.
    if (Apps.handles(record.method, path))
      return send(apps.answer(record.method, path, req.headers.authorization ?? '', json));
    if (auth === 'bad') return send({ status: 401, json: { message: 'Bad credentials', status: '401' } });
    if (path === '/graphql') {
      if (auth === 'none')
        return send({ status: 401, json: { message: 'This endpoint requires you to be authenticated.' } });
      const variables = (json.variables ?? {}) as Record<string, unknown>;
      const context = { token: auth, find: (name: string) => repos.get(name), url, staleBy: fault?.staleBy ?? 0 };
      return send({ status: 200, json: await runGraphql(String(json.query ?? ''), variables, context) });
    }
    return send(
      await rest(req.method ?? 'GET', path, target.searchParams, json, auth, String(req.headers.accept ?? '')),
    );
  }

  async function rest(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Record<string, unknown>,
    token: Token | 'none',
    accept: string,
  ): Promise<RestAnswer> {
    const notFound = { status: 404, json: { message: 'Not Found', status: '404' } };
    if (method === 'GET' && path === '/rate_limit')
      return { status: 200, json: { resources: { core: { limit: 5000, remaining: 4999, reset: 0 } } } };
    const match = /^\/repos\/([^/]+\/[^/]+)(.*)$/.exec(path);
    const repo = match === null ? undefined : repos.get(match[1] ?? '');
    const rest = match?.[2] ?? '';
    const found = ROUTES.map((route) => ({ route, params: route.path.exec(rest) })).find(
      ({ route, params }) => params !== null && route.method === method,
    );
    if (match === null || found === undefined) {
      unknown.push(`${method} ${path}`);
      return notFound;
    }
    if (repo === undefined || (repo.private && !sees(token, repo.fullName))) return notFound;
    const allowed =
      found.route.access === 'read'
        ? mayRead(token, repo, found.route.permission)
        : mayWrite(token, repo, found.route.permission);
    if (!allowed) return { status: 403, json: { message: 'Resource not accessible by integration', status: '403' } };
    return found.route.handle({ url, repo, token, params: found.params?.slice(1) ?? [], query, body, accept });
  }

  async function serveGit(
    req: IncomingMessage,
    res: ServerResponse,
    target: URL,
    fullName: string,
    service: string,
    auth: Token | 'none' | 'bad',
    record: ForgeRequest,
    fault: Fault | undefined,
  ): Promise<void> {
    const refuse = (status: number, message: string): void => {
      req.resume();
      res.writeHead(status, status === 401 ? { 'www-authenticate': 'Basic realm="forge"' } : {}).end(message);
    };
    const repo = repos.get(fullName);
    if (auth === 'bad') return refuse(401, 'Invalid username or token.');
    if (repo === undefined || (repo.private && !sees(auth, fullName)))
      return refuse(auth === 'none' ? 401 : 404, 'Repository not found.');
    const writes = service === 'git-receive-pack' || target.searchParams.get('service') === 'git-receive-pack';
    if (writes && auth === 'none') return refuse(401, 'Authentication required.');
    if (!mayRead(auth, repo)) return refuse(403, 'Write access to repository not granted.');
    if (writes && !mayWrite(auth, repo, 'contents')) return refuse(403, 'Write access to repository not granted.');
    let request: IncomingMessage = req;
    let rules = '';
    if (service === 'git-receive-pack') {
      const body = await readBody(req);
      rules = pushRules(repo, auth, pushedRefs(req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
      request = Object.assign(Readable.from([body]), {
        headers: { ...req.headers, 'content-length': String(body.length) },
        method: req.method,
      }) as unknown as IncomingMessage;
    }
    const cgi = {
      root: dir,
      path: `${fullName}.git/${service}`,
      query: target.search.slice(1),
      user: auth === 'none' ? 'anonymous' : auth.login,
      rules,
    };
    const after = fault?.reset === 'after' || fault?.answer?.when === 'after';
    if (!after) {
      record.bytes = await gitHttp(request, res, cgi);
      return;
    }
    // The effect happens, the answer is lost.
    const sink = {
      writeHead() {},
      setHeader() {},
      write: () => true,
      end() {},
      on() {},
      once() {},
      headersSent: false,
    } as unknown as ServerResponse;
    await gitHttp(request, sink, cgi);
    await strike(fault, 'after', res);
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  return {
    url,
    apiUrl: `${url}/api/v3`,
    graphqlUrl: `${url}/api/graphql`,
    async createRepository(fullName, o = {}) {
      const path = join(dir, `${fullName}.git`);
      const defaultBranch = o.defaultBranch ?? 'main';
      await createBare(path, defaultBranch, o.files);
      repos.set(fullName, new Repo({ fullName, private: o.private ?? false, defaultBranch, path }));
      return { gitUrl: `${url}/${fullName}.git`, path };
    },
    repository(fullName) {
      const repo = repos.get(fullName);
      if (repo === undefined) throw new Error(`the forge has no repository ${fullName}`);
      return repo;
    },
    createToken: (o) => tokens.create(o),
    revokeToken: (token) => tokens.revoke(token),
    registerApp: (o) => apps.register(o),
    faults,
    requests: () => requests,
    clearRequests: () => {
      requests.length = 0;
    },
    unknownRoutes: () => unknown,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Carries out a fault. @returns true when the request is answered, or cut, by it */
async function strike(fault: Fault | undefined, when: 'before' | 'after', res: ServerResponse): Promise<boolean> {
  if (fault === undefined) return false;
  if (fault.delayMs !== undefined && when === 'before')
    await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
  if (fault.reset === when) {
    res.destroy();
    return true;
  }
  if (fault.answer === undefined || (fault.answer.when ?? 'before') !== when) return false;
  res.writeHead(fault.answer.status, { 'content-type': 'application/json', ...fault.answer.headers });
  res.end(fault.answer.body ?? '{"message":"fault"}');
  return true;
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of req) {
    size += (part as Buffer).length;
    if (size > MAX_BODY) throw new Error('the request is too large for the lab');
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
