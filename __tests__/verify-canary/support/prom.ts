/** A Prometheus API on loopback with the samples that the test puts in, on the clock that the test moves. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { evaluate, QueryError } from '../../../lab/metrics/query.ts';
import { Store } from '../../../lab/metrics/store.ts';
import type { Reply } from './world.ts';

export interface Asked {
  method: string;
  path: string;
  query: string;
  /** The form's `time`, '' when it has none. */
  time: string;
  headers: IncomingMessage['headers'];
}

export interface Flow {
  track: 'stable' | 'canary';
  pod: string;
  from: number;
  to: number;
  /** Requests a second. */
  rate: number;
  /** Share that fails, by time. */
  errors?: (at: number) => number;
  /** Seconds between two samples. */
  every?: number;
  started?: number;
}

export class Prom implements AsyncDisposable {
  readonly store = new Store();
  readonly asked: Asked[] = [];
  /** Answers instead; undefined: as usual. `hang-up`: no answer at all. */
  fault: (asked: Asked) => Reply | 'hang-up' | undefined = () => undefined;
  readonly #server: Server;

  /** @param now the server's clock */
  constructor(now: () => number) {
    this.#server = createServer(async (req, res) => {
      const parts: Buffer[] = [];
      for await (const part of req) parts.push(part as Buffer);
      const url = new URL(req.url ?? '/', 'http://prom');
      const form = new URLSearchParams(`${Buffer.concat(parts).toString()}&${url.searchParams}`);
      const asked: Asked = {
        method: req.method ?? '',
        path: url.pathname,
        query: form.get('query') ?? '',
        time: form.get('time') ?? '',
        headers: req.headers,
      };
      this.asked.push(asked);
      const own = this.fault(asked);
      if (own === 'hang-up') return void res.destroy();
      if (own !== undefined) return void res.writeHead(own.status ?? 200, own.headers).end(own.body ?? '');
      res.setHeader('content-type', 'application/json');
      if (/\/label\/__name__\/values$/.test(asked.path)) {
        if (asked.method !== 'GET') return void res.writeHead(405).end();
        return void res.end(JSON.stringify({ status: 'success', data: this.names }));
      }
      try {
        const data = evaluate(this.store, asked.query, asked.time === '' ? now() : Number(asked.time));
        res.end(JSON.stringify({ status: 'success', data }));
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        res.writeHead(422).end(JSON.stringify({ status: 'error', error: error.message }));
      }
    });
  }

  names: string[] = [];

  async listen(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Samples of one pod under an even load. */
  add({ track, pod, from, to, rate, errors = () => 0, every = 5, started = from - 86_400 }: Flow): void {
    const labels = { app: 'shop', track, pod };
    let [n, failed, carry] = [1000, 0, 0];
    for (let at = from; at <= to; at += every) {
      if (at > from) {
        const more = rate * every;
        carry += more * errors(at);
        failed += Math.floor(carry);
        carry -= Math.floor(carry);
        n += more;
      }
      const put = (name: string, value: number, own: Record<string, string> = {}): void =>
        this.store.append(name, { ...labels, ...own }, at, value);
      put('http_requests_total', n - failed, { code: '200' });
      put('http_requests_total', failed, { code: '503' });
      for (const le of ['0.25', '0.5', '+Inf']) put('http_request_duration_seconds_bucket', n, { le });
      put('process_start_time_seconds', started);
      put('process_cpu_seconds_total', n * 0.004);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

/** The inputs that ask it. */
export function promInputs(prom: Prom, weight = '20'): Record<string, string> {
  return {
    'expected-weight': weight,
    'prometheus-url': prom.url,
    'stable-selector': 'track="stable"',
    'canary-selector': 'track="canary"',
  };
}
