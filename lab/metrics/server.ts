/** A Prometheus stand-in on one loopback port: scrapes the targets it is given, answers instant and range queries. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { labelNames, labelValues, type Span, seriesOf } from './catalog.ts';
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
  /** Filled already, or by somebody else too. Default: an empty one. */
  store?: Store;
  /** Clock of the server, unix seconds. Default: that of the machine. */
  now?: () => number;
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
  const store = options.store ?? new Store();
  const seen: Seen = new Map();
  const requests: MetricsRequest[] = [];
  const now = (): number => (options.now?.() ?? Date.now() / 1000) + (options.clockOffset ?? 0);

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
      for (const [key, value] of new URLSearchParams(await body(req))) {
        if (key === 'match[]') parameters.append(key, value);
        else parameters.set(key, value);
      }
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
    const known = catalog(url.pathname, parameters);
    if (known !== undefined) return send(res, 200, { status: 'success', data: known });
    send(res, 404, { status: 'error', errorType: 'not_found', error: `no such path: ${url.pathname}` });
  }

  function catalog(path: string, parameters: URLSearchParams): unknown {
    const match = parameters.getAll('match[]');
    const span: Span = {
      start: time(parameters.get('start'), 0),
      end: time(parameters.get('end'), now()),
      limit: Number(parameters.get('limit') ?? 0),
    };
    if (path === '/api/v1/series') return seriesOf(store, match, span);
    if (path === '/api/v1/labels') return labelNames(store, match, span);
    const label = /^\/api\/v1\/label\/([a-zA-Z_][a-zA-Z0-9_]*)\/values$/.exec(path)?.[1];
    if (label !== undefined) return labelValues(store, label, match, span);
    if (path !== '/api/v1/metadata') return undefined;
    const wanted = parameters.get('metric');
    const types = [...store.types].filter(([name]) => wanted === null || name === wanted);
    return Object.fromEntries(types.map(([name, type]) => [name, [{ type, help: '', unit: '' }]]));
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
