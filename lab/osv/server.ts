/**
 * A stand-in for the OSV API on loopback: POST /v1/query, POST /v1/querybatch, GET /v1/vulns/{id}, with paging, a request
 * log, and faults on demand. Records come from a folder of JSON files (searched in depth) or from memory.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Advisory, matching, type OsvQuery } from './match.ts';

export interface LoggedRequest {
  method: string;
  path: string;
  body: string;
}

export interface OsvFault {
  /** Of the path; default: every request. */
  path?: RegExp;
  /** Requests let through first. */
  skip?: number;
  /** How often it strikes; default: always. */
  times?: number;
  /** Answer this instead. */
  status?: number;
  body?: string;
  headers?: Record<string, string>;
  /** Change the answer that would have come. */
  change?: (answer: unknown, request: LoggedRequest) => unknown;
  /** Send only the first half of the body, at its full announced length or at the length sent. */
  half?: 'cut' | 'whole';
  /** Close the connection without an answer. */
  reset?: true;
  delayMs?: number;
}

export interface OsvOptions {
  /** Folder of OSV JSON records. */
  directory?: string;
  advisories?: readonly Advisory[];
  /** Records on one page; default: all. */
  pageSize?: number;
}

export interface OsvServer extends AsyncDisposable {
  readonly url: string;
  requests(): readonly LoggedRequest[];
  /** Most requests that were open at the same time. */
  peak(): number;
  /** The first fault that fits strikes. @returns takes it away again */
  fault(fault: OsvFault): () => void;
  /** Replaces what the server knows. */
  set(advisories: readonly Advisory[]): void;
  close(): Promise<void>;
}

const MAX_QUERIES = 1000;
const MAX_BODY = 16 * 1024 * 1024;

export async function startOsv(options: OsvOptions = {}): Promise<OsvServer> {
  let advisories = [
    ...(options.advisories ?? []),
    ...(options.directory === undefined ? [] : readFolder(options.directory)),
  ];
  const log: LoggedRequest[] = [];
  const faults: { fault: OsvFault; seen: number; struck: number }[] = [];
  let open = 0;
  let peak = 0;
  const pageSize = options.pageSize ?? Number.MAX_SAFE_INTEGER;

  const strike = (path: string): OsvFault | undefined => {
    for (const entry of faults) {
      if (entry.fault.path !== undefined && !entry.fault.path.test(path)) continue;
      entry.seen += 1;
      if (entry.seen <= (entry.fault.skip ?? 0) || entry.struck >= (entry.fault.times ?? Number.POSITIVE_INFINITY))
        continue;
      entry.struck += 1;
      return entry.fault;
    }
    return undefined;
  };

  const server = createServer((request, response) => {
    open += 1;
    peak = Math.max(peak, open);
    response.on('close', () => {
      open -= 1;
    });
    void serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const logged = { method: request.method ?? '', path: request.url ?? '', body: await readBody(request) };
    log.push(logged);
    const fault = strike(logged.path);
    if (fault?.delayMs !== undefined) await new Promise((done) => setTimeout(done, fault.delayMs));
    if (fault?.reset) {
      request.socket.destroy();
      return;
    }
    if (fault?.status !== undefined) return reply(response, fault.status, fault.body ?? '', fault.headers, fault.half);
    const { status, body } = answer(logged);
    const changed = fault?.change === undefined ? body : fault.change(body, logged);
    reply(response, status, fault?.body ?? JSON.stringify(changed), fault?.headers, fault?.half);
  }

  function answer({ method, path, body }: LoggedRequest): { status: number; body: unknown } {
    const id = /^\/v1\/vulns\/([^/?]+)$/.exec(path)?.[1];
    if (method === 'GET' && id !== undefined) {
      const found = advisories.find((advisory) => advisory.id === decodeURIComponent(id));
      return found === undefined
        ? { status: 404, body: { code: 5, message: 'Bug not found.' } }
        : { status: 200, body: found };
    }
    const json = parse(body);
    if (method !== 'POST' || json === undefined) return { status: 400, body: { code: 3, message: 'Invalid request.' } };
    if (path === '/v1/query') return { status: 200, body: page(json as OsvQuery, false) };
    if (path !== '/v1/querybatch') return { status: 404, body: { code: 5, message: 'Not found.' } };
    const queries = (json as { queries?: OsvQuery[] }).queries ?? [];
    if (queries.length > MAX_QUERIES) return { status: 400, body: { code: 3, message: 'Too many queries.' } };
    return { status: 200, body: { results: queries.map((query) => page(query, true)) } };
  }

  function page(query: OsvQuery, brief: boolean): object {
    const all = matching(advisories, query);
    const start = Number(query.page_token ?? 0);
    const vulns = all.slice(start, start + pageSize);
    const more = start + pageSize < all.length ? { next_page_token: String(start + pageSize) } : {};
    if (vulns.length === 0) return more;
    return { vulns: brief ? vulns.map(({ id, modified }) => ({ id, modified })) : vulns, ...more };
  }

  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', done);
  });
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => log,
    peak: () => peak,
    fault(fault) {
      const entry = { fault, seen: 0, struck: 0 };
      faults.push(entry);
      return () => {
        const at = faults.indexOf(entry);
        if (at >= 0) faults.splice(at, 1);
      };
    },
    set(next) {
      advisories = [...next];
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function reply(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
  half?: OsvFault['half'],
): void {
  const sent = half === undefined ? body : body.slice(0, Math.floor(body.length / 2));
  const length = Buffer.byteLength(half === 'cut' ? body : sent);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': String(length), ...headers });
  response.write(sent, () => (half === 'cut' ? response.destroy() : response.end()));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > MAX_BODY) throw new Error('the body is too large');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** @throws when a file is not JSON with an id: a lab that drops an advisory would make a test green for nothing */
function readFolder(directory: string): Advisory[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const json = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Partial<Advisory>;
      if (typeof json.id !== 'string') throw new Error(`${name} has no id`);
      return json as Advisory;
    });
}
