/** An OCI distribution 1.1 registry on one loopback port, in memory or in a folder, with faults on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, RegistryProblem, type Served } from './answer.ts';
import { Auth, type AuthOptions } from './auth.ts';
import { Faults, type Habits } from './faults.ts';
import { handle } from './handlers.ts';
import { type Route, routeOf } from './routes.ts';
import { send, sendFault } from './send.ts';
import { diskBlobs, memoryBlobs, Repositories } from './store.ts';

export interface RegistryRequest {
  operation: Route['operation'];
  method: string;
  /** Path and query. */
  path: string;
  /** Scheme of the Authorization header, '' without one. */
  authorization: string;
  accept: string;
  status: number;
  at: number;
}

export interface RegistryOptions {
  /** Kept there over restarts; default: memory. */
  dir?: string;
  auth?: AuthOptions;
  port?: number;
  habits?: Habits;
}

export interface RegistryHandle extends AsyncDisposable {
  /** `127.0.0.1:port`, as it stands in an image name. */
  readonly host: string;
  readonly url: string;
  readonly faults: Faults;
  readonly habits: Habits;
  /** Every request, in order of arrival. */
  requests(): readonly RegistryRequest[];
  clearRequests(): void;
  expireTokens(): void;
  /** Digest of a tag, as it really is. */
  tag(repository: string, tag: string): string | undefined;
  tags(repository: string): string[];
  /** Bytes of a manifest or blob, as stored. */
  content(repository: string, digest: string): Buffer | undefined;
  /** Takes a blob away, as a careless retention job does. */
  dropBlob(repository: string, digest: string): void;
  close(): Promise<void>;
}

export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryHandle> {
  const served: Served = {
    repositories: new Repositories(options.dir),
    blobs: options.dir === undefined ? memoryBlobs() : diskBlobs(options.dir),
    uploads: new Map(),
    habits: options.habits ?? {},
    origin: '',
  };
  const auth = new Auth(options.auth);
  const faults = new Faults();
  const requests: RegistryRequest[] = [];
  const recent: number[] = [];
  let host = '';

  const server = createServer((req, res) => {
    serve(req, res).catch((error: unknown) => {
      if (res.headersSent) return res.destroy();
      send(res, req, error instanceof RegistryProblem ? error.answer : problemAnswer(error));
    });
  });

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', served.origin);
    const route = routeOf(req.method ?? 'GET', url);
    const record: RegistryRequest = {
      operation: route.operation,
      method: req.method ?? 'GET',
      path: url.pathname + url.search,
      authorization: (req.headers.authorization ?? '').split(' ')[0] ?? '',
      accept: req.headers.accept ?? '',
      status: 0,
      at: Date.now(),
    };
    requests.push(record);
    res.once('close', () => {
      record.status = res.statusCode;
    });
    const fault = faults.next(route.operation, url.pathname);
    if (fault?.delayMs !== undefined) await new Promise((done) => setTimeout(done, fault.delayMs));
    if (fault?.reset === 'before') return void req.socket.destroy();
    if (fault?.answer !== undefined && fault.answer.when !== 'after') return sendFault(res, req, fault.answer);
    const early = limited() ?? refused(req, route);
    if (early !== undefined) return send(res, req, early);
    const answer = route.operation === 'token' ? await token(req, url) : await handle(served, route, req, url);
    if (fault?.reset === 'after') return void req.socket.destroy();
    if (fault?.answer !== undefined) return sendFault(res, req, fault.answer);
    send(res, req, answer, fault);
  }

  function limited(): Answer | undefined {
    const limit = served.habits.requestsPerSecond;
    if (limit === undefined) return undefined;
    const now = Date.now();
    while (recent[0] !== undefined && recent[0] < now - 1000) recent.shift();
    if (recent.length >= limit) {
      return problem(429, 'TOOMANYREQUESTS', 'rate limit', { 'retry-after': '1' });
    }
    recent.push(now);
    return undefined;
  }

  function refused(req: IncomingMessage, route: Route): Answer | undefined {
    if (route.operation === 'token') return undefined;
    const action = route.action;
    const decision = auth.decide(req.headers, route.repository, action);
    if (decision === 'denied') return problem(403, 'DENIED', 'this login may only read');
    if (decision === 'ok') return undefined;
    const answer = problem(401, 'UNAUTHORIZED', 'authentication required');
    return { ...answer, challenges: auth.challenges(served.origin, host, route.repository, action) };
  }

  async function token(req: IncomingMessage, url: URL): Promise<Answer> {
    const issued = auth.issue(req.headers.authorization ?? '', url.searchParams.getAll('scope'));
    if (issued === undefined) return problem(401, 'UNAUTHORIZED', 'wrong name or password');
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(issued)) };
  }

  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  served.origin = `http://${host}`;

  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return {
    host,
    url: served.origin,
    faults,
    habits: served.habits,
    requests: () => requests,
    clearRequests: () => void requests.splice(0),
    expireTokens: () => auth.expireTokens(),
    tag: (repository, tag) => served.repositories.find(repository)?.tags.get(tag)?.digest,
    tags: (repository) => [...(served.repositories.find(repository)?.tags.keys() ?? [])].sort(),
    content(repository, digest) {
      const found = served.repositories.find(repository);
      const known = found?.manifests.has(digest) || found?.blobs.has(digest);
      return known ? served.blobs.bytes(digest) : undefined;
    },
    dropBlob(repository, digest) {
      served.repositories.find(repository)?.blobs.delete(digest);
      served.repositories.save();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function problem(status: number, code: string, message: string, headers: Record<string, string> = {}): Answer {
  return new RegistryProblem(status, code, message, headers).answer;
}

function problemAnswer(error: unknown): Answer {
  return problem(500, 'UNKNOWN', error instanceof Error ? error.message : String(error));
}
