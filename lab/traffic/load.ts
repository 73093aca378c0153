/**
 * Open-loop traffic: arrival times are fixed before the first request and no request waits for the answer to another. A
 * generator that waits sends less exactly when the service is slow, and so hides what it should show.
 */
import { Agent, request } from 'node:http';
import { ActionError } from '../../src/runner/index.ts';
import { makeImages, seededRandom } from './images.ts';
import { isFailure, type Sample, summarize, type TrafficStats } from './stats.ts';

export type { Sample, TrafficStats } from './stats.ts';

export interface TrafficOptions {
  /** Origin on loopback, such as `http://127.0.0.1:8080`. */
  url: string;
  /** Requests a second, at most 1000. */
  rps: number;
  /** Same seed: same arrival times and same order of images. */
  seed: number;
  /** Bodies to send; default: eight small seeded PNGs. */
  images?: readonly Uint8Array[];
  /** Default `/v1/equalize`. */
  path?: string;
  /** Host header, for a gateway that routes by it; default: host and port of `url`. */
  host?: string;
  /** The traffic ends by itself after so many seconds, at most 1800. */
  maxSeconds: number;
  /** Seconds until a request counts as `timeout` (default 15). */
  timeoutSeconds?: number;
  /** Bound on requests under way (default 500); further arrivals are counted as `dropped`. */
  maxInFlight?: number;
}

export interface Traffic extends AsyncDisposable {
  stats(): TrafficStats;
  /** Every ended request, in the order of their ends. */
  samples(): readonly Sample[];
  /** Sends no more, waits for the requests under way, and gives the final counts. */
  stop(): Promise<TrafficStats>;
  /** Settles when the traffic has ended, by itself or by `stop`. */
  readonly done: Promise<TrafficStats>;
}

/**
 * Starts sending.
 * @throws ActionError E_INPUT for an address that is not loopback, and for numbers out of range
 */
export function startTraffic(options: TrafficOptions): Traffic {
  const target = checkTarget(options);
  const arrivals = arrivalTimes(options.rps, options.maxSeconds, options.seed);
  const images = options.images ?? makeImages(options.seed);
  const pick = seededRandom(options.seed + 1);
  const maxInFlight = options.maxInFlight ?? 500;
  // Idle connections are closed on this side first: one that the server closes under a request would fail it for no fault.
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS, maxSockets: Number.POSITIVE_INFINITY });
  const samples: Sample[] = [];
  const start = performance.now();
  let sent = 0;
  let inFlight = 0;
  let behind = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let settle: (stats: TrafficStats) => void = () => {};
  const done = new Promise<TrafficStats>((resolve) => {
    settle = resolve;
  });
  const stats = (): TrafficStats => summarize(samples, { sent, inFlight, behind });

  const finishWhenIdle = (): void => {
    if (stopped && inFlight === 0) {
      agent.destroy();
      settle(stats());
    }
  };
  const send = (body: Uint8Array): void => {
    sent++;
    if (inFlight >= maxInFlight) {
      samples.push({ at: Date.now(), ms: 0, code: 'dropped', revision: '' });
      return;
    }
    inFlight++;
    const call = {
      url: target,
      host: options.host ?? target.host,
      agent,
      timeoutMs: (options.timeoutSeconds ?? 15) * 1000,
    };
    post(call, body, (sample) => {
      samples.push(sample);
      inFlight--;
      finishWhenIdle();
    });
  };
  const tick = (): void => {
    const now = performance.now() - start;
    for (let due = arrivals[sent]; due !== undefined && due <= now; due = arrivals[sent]) {
      behind = Math.max(behind, now - due);
      send(images[Math.floor(pick() * images.length)] ?? new Uint8Array());
    }
    const next = arrivals[sent];
    if (next === undefined) {
      stopped = true;
      finishWhenIdle();
    } else timer = setTimeout(tick, Math.max(0, next - (performance.now() - start)));
  };
  const stop = (): Promise<TrafficStats> => {
    if (!stopped) {
      stopped = true;
      clearTimeout(timer);
      finishWhenIdle();
    }
    return done;
  };

  tick();
  return {
    stats,
    samples: () => samples,
    stop,
    done,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Well below the 5 s after which Node's servers close an idle connection. */
const IDLE_MS = 1000;
/** Characters of a failed answer that are kept. */
const MAX_WHY = 200;

/** Milliseconds from the start, rising: one request in each slot of 1/rps, at a seeded moment within it. */
export function arrivalTimes(rps: number, seconds: number, seed: number): readonly number[] {
  const random = seededRandom(seed);
  // A moment within the slot: traffic in step with the scrapes would make counters look like stairs.
  return Array.from({ length: Math.floor(rps * seconds) }, (_, index) => ((index + random()) * 1000) / rps);
}

function checkTarget(options: TrafficOptions): URL {
  const bad = (why: string): ActionError =>
    new ActionError('E_INPUT', {
      what: 'traffic',
      why,
      fix: 'Give http://127.0.0.1:<port> and numbers within the bounds',
    });
  if (!URL.canParse(options.url)) throw bad('the url is not a URL');
  const url = new URL(options.path ?? '/v1/equalize', options.url);
  // This is a load generator: it must not be able to hit anything but this machine.
  const loopback = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'http:' || !loopback) throw bad(`${url.origin} is not plain HTTP on loopback`);
  if (!(options.rps > 0 && options.rps <= 1000)) throw bad('rps is not within 0 and 1000');
  if (!(options.maxSeconds > 0 && options.maxSeconds <= 1800)) throw bad('maxSeconds is not within 0 and 1800');
  if (options.images?.length === 0) throw bad('there is no image');
  return url;
}

interface Call {
  url: URL;
  host: string;
  agent: Agent;
  timeoutMs: number;
}

function post({ url, host, agent, timeoutMs }: Call, body: Uint8Array, ended: (sample: Sample) => void): void {
  const at = Date.now();
  const begin = performance.now();
  let open = true;
  const end = (code: string, revision: string, why?: string): void => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    ended({ at, ms: performance.now() - begin, code, revision, ...(why === undefined ? {} : { why }) });
  };
  const headers = { host, 'content-type': 'application/octet-stream', 'content-length': body.byteLength };
  const call = request(url, { method: 'POST', agent, headers }, (response) => {
    const revision = String(response.headers['x-revision'] ?? '');
    const code = String(response.statusCode ?? 0);
    let said = '';
    response.on('data', (chunk: Buffer) => {
      if (isFailure(code) && said.length < MAX_WHY) said += chunk.toString('utf8');
    });
    response.on('end', () => end(code, revision, isFailure(code) ? said.slice(0, MAX_WHY).trim() : undefined));
    // An answer that breaks off is no answer, whatever its status line said.
    response.on('close', () => end('broken', revision));
    response.on('error', () => end('broken', revision));
  });
  call.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error', '', error.message));
  const timer = setTimeout(() => {
    end('timeout', '');
    call.destroy();
  }, timeoutMs);
  call.end(body);
}
