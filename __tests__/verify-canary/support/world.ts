/** The action in one process: rules, a clock that sleeping moves, and what the network answers. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Http, HttpError, type HttpRequest, openHttp } from '../../../src/http/index.ts';
import { type Clock, memoryLog } from '../../../src/runner/index.ts';
import { type CanaryConfig, parseConfig } from '../../../src/verify-canary/config.ts';
import { type Interval, parseLine, type TraceLine, type Verdict } from '../../../src/verify-canary/core/index.ts';
import { parseCanaryInputs } from '../../../src/verify-canary/inputs.ts';
import { settleMode } from '../../../src/verify-canary/mode.ts';
import { buildResult, type Result } from '../../../src/verify-canary/output.ts';
import { run } from '../../../src/verify-canary/run.ts';
import type { Session } from '../../../src/verify-canary/session.ts';
import type { Pod } from './pod.ts';

export const T = 1_700_000_000;

/** Time passes only where somebody sleeps; the test is told before the sleeper wakes. */
export function steppingClock(
  start = T,
  onStep: (seconds: number, now: number) => void = () => {},
): Clock & { readonly slept: number[] } {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(seconds, signal) {
      if (signal?.aborted) throw signal.reason;
      slept.push(seconds);
      now += seconds;
      onStep(seconds, now);
      if (signal?.aborted) throw signal.reason;
    },
  };
}

export const ERRORS =
  '{name: errors, kind: ratio, events: \'http_requests_total{code=~"5.."}\', total: http_requests_total, slo: 0.05}';
export const LATENCY =
  '{name: latency, kind: latency, histogram: http_request_duration_seconds, le: [0.25, 0.5], slo: {le: 0.5, max: 0.05}}';

export const CPU = '{name: cpu, kind: cpu}';

/** @param top further lines at the top, such as `blind: 1m` */
export function rules(metrics: readonly string[] = [ERRORS], top: readonly string[] = []): CanaryConfig {
  const head = ['version: 1', 'warmup: 0s', 'settle: 0s'].filter(
    (line) => !top.some((own) => own.split(':')[0] === line.split(':')[0]),
  );
  return parseConfig([...head, ...top, 'metrics:', ...metrics.map((m) => `  - ${m}`), ''].join('\n'), '.canary.yaml');
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** HTTP without a network. Throw an HttpError to have none answer. */
export function memoryHttp(answer: (request: HttpRequest) => Reply): () => Http {
  return () => ({
    async send(request) {
      if (request.signal?.aborted) throw new HttpError('aborted', 'cancelled');
      const { status = 200, headers = {}, body = '' } = answer(request);
      const bytes = async (max: number): Promise<Uint8Array> => {
        const whole = Buffer.from(body);
        if (whole.length > max) throw new HttpError('too-large', `the answer is larger than ${max} bytes`);
        return whole;
      };
      const text = async (max: number): Promise<string> => Buffer.from(await bytes(max)).toString('utf8');
      return {
        status,
        headers: new Headers(headers),
        body: Readable.from([body]),
        bytes,
        text,
        json: async (max) => JSON.parse(await text(max)) as unknown,
        discard: async () => {},
      };
    },
    close: async () => {},
  });
}

/** Pages of pods by address, without a network; `down` is a refused connection. */
export function podsHttp(pods: Readonly<Record<string, Pod>>): () => Http {
  return memoryHttp(({ url }) => {
    const pod = pods[url.hostname];
    if (pod === undefined || pod.fault === 'down') throw new HttpError('connect', `${url.host}: connect ECONNREFUSED`);
    return { headers: { 'content-type': 'text/plain; version=0.0.4' }, body: pod.page() };
  });
}

/** Addresses for {@link podsHttp}: loopback names, so that plain http is allowed. */
export const podUrl = (i: number): string => `http://127.0.0.${i}/metrics`;

export interface Outcome {
  session: Session;
  verdict: Verdict;
  result: Result;
  log: ReturnType<typeof memoryLog>;
  /** trace.jsonl as written. */
  text: string;
  lines: TraceLine[];
  intervals: Interval[];
  /** What the run rejected with. */
  error: unknown;
}

export interface World {
  config: CanaryConfig;
  /** Further variables, such as those of the runner's OIDC tokens. */
  env?: Record<string, string>;
  clock?: Clock;
  openHttp?: typeof openHttp;
  signal?: AbortSignal;
  workspace?: string;
  /** Default: a new file. */
  tracePath?: string;
}

/** Runs to the end whatever it is. @param inputs by kebab-case name */
export async function watch(inputs: Record<string, string>, world: World): Promise<Outcome> {
  const { clock = steppingClock() } = world;
  const folder = await mkdtemp(join(tmpdir(), 'verify-canary-'));
  const tracePath = world.tracePath ?? join(folder, 'trace.jsonl');
  const log = memoryLog();
  log.hide = (text) => log.masked.reduce((hidden, secret) => hidden.split(secret).join('***'), text);
  const ports = {
    clock,
    openHttp: world.openHttp ?? openHttp,
    log,
    signal: world.signal ?? new AbortController().signal,
  };
  const env = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value]));
  let session: Session | undefined;
  let error: unknown;
  try {
    const { inputs: settled, config } = settleMode(parseCanaryInputs({ ...env, ...world.env }), world.config);
    for (const secret of settled.secrets) log.mask(secret);
    const options = {
      inputs: settled,
      config,
      workspace: world.workspace ?? folder,
      tracePath,
      onSession: (opened: Session) => {
        session = opened;
      },
    };
    await run(options, ports).catch((caught: unknown) => {
      error = caught;
    });
    if (session === undefined) throw error;
    const text = await readFile(tracePath, 'utf8');
    const lines = text.split('\n').slice(0, -1).map(parseLine);
    const verdict = session.verdict();
    const result = buildResult(config, session, null, verdict);
    const intervals = lines.filter((line): line is Interval => !('type' in line));
    return { session, verdict, result, log, text, lines, intervals, error };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The verdict of a trace text, as the action judges it. */
export async function replay(text: string, config: CanaryConfig, more: Record<string, string> = {}): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'verify-canary-replay-'));
  try {
    await writeFile(join(folder, 'given.jsonl'), text);
    return await watch({ replay: join(folder, 'given.jsonl'), ...more }, { config });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
