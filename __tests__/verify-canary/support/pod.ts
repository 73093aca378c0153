/** A pod of the sample service as its metrics page shows it; the test says what happened to it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export interface Load {
  /** Requests a second. */
  rate: number;
  /** Share that fails. */
  errors?: number;
  /** Seconds a request takes. */
  latency?: number;
  /** CPU seconds a request. */
  cpu?: number;
}

export class Pod implements AsyncDisposable {
  readonly counters = new Map<string, number>();
  /** What the page does instead of answering. */
  fault: 'none' | 'down' | 'hang' = 'none';
  started = Date.now() / 1000;
  requests = 0;
  readonly #server: Server;
  #carry = 0;
  #random: () => number;

  constructor(seed = 1) {
    this.#random = random(seed);
    this.#server = createServer((_, res) => {
      this.requests += 1;
      if (this.fault === 'down') return void res.destroy();
      if (this.fault === 'hang') return;
      res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      res.end(this.page());
    });
    for (const code of [200, 503])
      this.#add(`http_requests_total{code="${code}",method="POST",route="/v1/equalize"}`, 0);
    this.serve(0, {});
  }

  async listen(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`;
  }

  /** `n` requests happened. */
  serve(n: number, load: Omit<Load, 'rate'>): void {
    let failed = 0;
    for (let i = 0; i < n; i += 1) if (this.#random() < (load.errors ?? 0)) failed += 1;
    this.#add('http_requests_total{code="200",method="POST",route="/v1/equalize"}', n - failed);
    this.#add('http_requests_total{code="503",method="POST",route="/v1/equalize"}', failed);
    const latency = load.latency ?? 0.007;
    for (const bound of BOUNDS) {
      this.#add(`http_request_duration_seconds_bucket{le="${bound}",route="/v1/equalize"}`, latency <= bound ? n : 0);
    }
    this.#add('http_request_duration_seconds_bucket{le="+Inf",route="/v1/equalize"}', n);
    this.#add('http_request_duration_seconds_count{route="/v1/equalize"}', n);
    this.#add('process_cpu_seconds_total', n * (load.cpu ?? 0.004));
  }

  /** A stretch of time under load: a Poisson number of requests, or as near as the carry makes it. */
  run(seconds: number, load: Load): void {
    this.#carry += load.rate * seconds;
    const n = Math.floor(this.#carry);
    this.#carry -= n;
    this.serve(n, load);
  }

  page(): string {
    const lines = [...this.counters].map(([series, value]) => `${series} ${value}`);
    return `# HELP x y\n${lines.join('\n')}\nprocess_start_time_seconds ${this.started}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #add(series: string, by: number): void {
    this.counters.set(series, (this.counters.get(series) ?? 0) + by);
  }
}

/** mulberry32: a small seeded generator. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Pods under load in real time, a step every 50 ms. @returns stops it */
export function drive(step: (seconds: number) => void): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    step((now - last) / 1000);
    last = now;
  }, 50);
  return () => clearInterval(timer);
}
