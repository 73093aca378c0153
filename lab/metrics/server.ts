/** A Prometheus stand-in on one loopback port: scrapes the targets it is given, answers instant and range queries. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { evaluate, evaluateRange, QueryError } from './query.ts';
import { forget, type Seen, scrape, type Target, targetId } from './scrape.ts';
import { Store } from './store.ts';

export type { Target } from './scrape.ts';

export interface MetricsOptions {
  /** Asked before every round, so that pods may come and go. */
  targets: () => readonly Target[];
  intervalMs: number;
  /** Added to the clock of the server, seconds. */
  clockOffset?: number;
  port?: number;
}

export interface MetricsRequest {
  method: string;
  path: string;
  query: string;
  status: number;
}

export interface MetricsHandle extends AsyncDisposable {
  readonly url: string;
  requests(): readonly MetricsRequest[];
  /** Scrapes all targets now, besides the rhythm. */
  scrapeNow(): Promise<void>;
  close(): Promise<void>;
}

const MAX_FORM = 1024 * 1024;

export async function startMetrics(options: MetricsOptions): Promise<MetricsHandle> {
  const store = new Store();
  const seen: Seen = new Map();
  const requests: MetricsRequest[] = [];
  const now = (): number => Date.now() / 1000 + (options.clockOffset ?? 0);

  async function scrapeNow(): Promise<void> {
    const targets = options.targets();
    const at = Math.round(now() * 1000) / 1000;
    forget(store, seen, new Set(targets.map(targetId)), at);
    await Promise.all(targets.map((target) => scrape(target, store, seen, options.intervalMs, at)));
  }

  const server = createServer((req, res) => {
    serve(req, res).catch((error: unknown) => {
      if (error instanceof QueryError)
        return send(res, 422, { status: 'error', errorType: 'execution', error: error.message });
      send(res, 500, { status: 'error', errorType: 'internal', error: String(error) });
    });
  });

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://lab');
    const parameters = new URLSearchParams(url.search);
    if (req.method === 'POST')
      for (const [key, value] of new URLSearchParams(await body(req))) parameters.set(key, value);
    const query = parameters.get('query') ?? '';
    const record: MetricsRequest = { method: req.method ?? 'GET', path: url.pathname, query, status: 0 };
    requests.push(record);
    res.once('close', () => {
      record.status = res.statusCode;
    });
    if (url.pathname === '/-/ready') return send(res, 200, { status: 'success' });
    if (url.pathname === '/api/v1/query') {
      return send(res, 200, { status: 'success', data: evaluate(store, query, time(parameters.get('time'), now())) });
    }
    if (url.pathname === '/api/v1/query_range') {
      const [start, end] = [time(parameters.get('start')), time(parameters.get('end'))];
      const data = evaluateRange(store, query, start, end, Number.parseFloat(parameters.get('step') ?? ''));
      return send(res, 200, { status: 'success', data });
    }
    send(res, 404, { status: 'error', errorType: 'not_found', error: `no such path: ${url.pathname}` });
  }

  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  // A round that is still running is not overtaken: two rounds at once would write samples out of order.
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = scrapeNow().finally(() => {
      busy = false;
    });
  }, options.intervalMs);

  async function close(): Promise<void> {
    clearInterval(timer);
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await running;
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    scrapeNow,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function time(text: string | null, fallback?: number): number {
  if (text === null || text === '') {
    if (fallback !== undefined) return fallback;
    throw new QueryError('start and end are required');
  }
  const seconds = /^-?[\d.]+$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (!Number.isFinite(seconds)) throw new QueryError(`cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  return seconds;
}

async function body(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of req) {
    size += (part as Buffer).length;
    if (size > MAX_FORM) throw new QueryError('the form is too large');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

function send(res: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  res.end(text);
}
