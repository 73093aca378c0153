/** A real Prometheus beside the source of pages: the same pods, the same counts, the same verdicts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openHttp } from '../../src/http/index.ts';
import { systemClock } from '../../src/runner/index.ts';
import { discover } from '../../src/verify-canary/collect/discover.ts';
import { powerLines, powerTable } from '../../src/verify-canary/collect/power.ts';
import { type PrometheusOptions, prometheusSource } from '../../src/verify-canary/collect/prometheus.ts';
import { openPrometheus, type PromClient } from '../../src/verify-canary/collect/promql.ts';
import { measureRates } from '../../src/verify-canary/collect/rates.ts';
import { parseMatchers } from '../../src/verify-canary/collect/selector.ts';
import { parseConfig } from '../../src/verify-canary/config.ts';
import { canonicalLine, type Interval, type TraceLine } from '../../src/verify-canary/core/index.ts';
import { type Done, workspace } from './support/action.ts';
import { drive, type Load, Pod } from './support/pod.ts';

const RULES = `version: 1
interval: 1s
lag: 3s
warmup: 0s
settle: 0s
steps: [{weight: 20, min: 5s, max: 60s}]
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.05}
  - {name: latency, kind: latency, histogram: http_request_duration_seconds, le: [0.25, 0.5], slo: {le: 0.5, max: 0.05}}
`;
const TOKEN = 'tok-7f3a9c.e5b1';

let folder: string;
let stable: Pod;
let canary: Pod;
let prometheus: ChildProcess;
let port = 0;
let url = '';
/** Requests a second of both versions, and what the canary does with them. */
let rates = { stable: 160, canary: 40 };
let load: Omit<Load, 'rate'> = {};
let stop: () => void;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port: free } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return free;
}

beforeAll(async () => {
  [stable, canary] = [await new Pod(1).listen(), await new Pod(2).listen()];
  folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const job = (name: string, pod: Pod, labels: object): object => ({
    job_name: name,
    static_configs: [{ targets: [new URL(pod.url).host], labels }],
  });
  const shop = (track: string): object => ({ namespace: 'prod', app: 'shop', track, pod: `${track}-1` });
  // Somebody else's pod, which two jobs scrape.
  const twice = { namespace: 'prod', app: 'twice', pod: 'twice-1', track: 'stable' };
  // JSON is YAML.
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [
        job('stable', stable, shop('stable')),
        job('canary', canary, shop('canary')),
        job('twice-a', stable, twice),
        job('twice-b', stable, twice),
      ],
    }),
  );
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
  await startPrometheus();
});

async function startPrometheus(): Promise<void> {
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  prometheus = child;
  const gone = new Promise<never>((_, fail) => {
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`prometheus ended with ${code}`)));
  });
  gone.catch(() => {});
  await Promise.race([gone, ready()]);
}

async function stopPrometheus(): Promise<void> {
  if (prometheus.exitCode !== null || prometheus.signalCode !== null) return;
  const ended = new Promise((done) => prometheus.once('exit', done));
  prometheus.kill('SIGTERM');
  await ended;
}

/**
 * All pods have been scraped since: the first time is some seconds after the start, at random. Samples from before a stop
 * stand for the present too, and say nothing of it.
 */
async function ready(): Promise<void> {
  const begin = Date.now() / 1000;
  for (let i = 0; i < 1200; i += 1) {
    // While it starts it answers that it does not yet.
    const answer = await fetch(`${url}/api/v1/query?query=timestamp(up==1)`)
      .then((response) => response.json() as Promise<{ data?: { result: { value: [number, string] }[] } }>)
      .catch(() => undefined);
    if (answer?.data?.result.filter((series) => Number(series.value[1]) > begin).length === 4) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('prometheus did not get ready');
}

afterAll(async () => {
  if (prometheus !== undefined) await stopPrometheus();
  await stable[Symbol.asyncDispose]();
  await canary[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  load = {};
  rates = { stable: 160, canary: 40 };
  stop = drive((seconds) => {
    stable.run(seconds, { rate: rates.stable });
    canary.run(seconds, { rate: rates.canary, ...load });
  });
});
afterEach(() => stop());

const sleep = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

const SELECTORS = {
  'stable-selector': 'app="shop",track="stable"',
  'canary-selector': 'app="shop",track="canary"',
};

async function both(): Promise<{ scraped: Done; asked: Done }> {
  using one = workspace({ '.canary.yaml': RULES });
  using two = workspace({ '.canary.yaml': RULES });
  const weight = { 'expected-weight': '20' };
  const [scraped, asked] = await Promise.all([
    one.act({ ...weight, 'stable-targets': stable.url, 'canary-targets': canary.url }),
    two.act({
      ...weight,
      'prometheus-url': url,
      'prometheus-token': TOKEN,
      ...SELECTORS,
    }),
  ]);
  return { scraped, asked };
}

const intervals = (done: Done): Interval[] =>
  done.trace
    .trimEnd()
    .split('\n')
    .map((row) => JSON.parse(row) as Interval)
    .filter((line) => line.start !== undefined);

/** Requests of the stretch; an interval that is partly in it counts by its share. */
function within(lines: readonly Interval[], arm: 'stable' | 'canary', from: number, to: number): number {
  return lines.reduce((sum, { start, end, traffic }) => {
    const share = Math.max(0, Math.min(end, to) - Math.max(start, from)) / (end - start);
    return sum + share * (traffic?.[arm] ?? 0);
  }, 0);
}

test('a healthy canary passes from both sources, and the counts are equal within one scrape', async () => {
  await sleep(3);
  const { scraped, asked } = await both();
  expect([scraped.errors, asked.errors]).toEqual([[], []]);
  expect([scraped.outputs.verdict, asked.outputs.verdict]).toEqual(['pass', 'pass']);
  const from = Math.max(intervals(scraped)[0]?.start ?? 0, intervals(asked)[0]?.start ?? 0);
  const to = Math.min(intervals(scraped).at(-1)?.end ?? 0, intervals(asked).at(-1)?.end ?? 0);
  expect(to - from).toBeGreaterThan(2);
  for (const [arm, rate] of [
    ['stable', 160],
    ['canary', 40],
  ] as const) {
    const counts = [scraped, asked].map((done) => within(intervals(done), arm, from, to));
    expect(counts[0]).toBeGreaterThan(rate);
    // A tenth more: the load comes in steps of 50 ms.
    expect(Math.abs((counts[0] ?? 0) - (counts[1] ?? 0))).toBeLessThanOrEqual(rate * 1.1);
  }
  for (const text of [asked.log.replace(/^::add-mask::.*$/gm, ''), asked.trace, asked.verdict, asked.report]) {
    expect(text).not.toContain(TOKEN);
  }
});

test('a broken canary fails from both sources, with the same culprit', async () => {
  load = { errors: 0.3 };
  await sleep(2);
  const { scraped, asked } = await both();
  for (const done of [scraped, asked]) {
    expect([done.code, done.outputs.verdict, done.outputs.reason]).toEqual([1, 'fail', 'worse:errors']);
    expect(done.outputs.culprits).toBe('["errors"]');
  }
});

test('T34 rebuilt from since, and rebuilt again later: the same trace', async () => {
  // Past the lookback of a sample of the test before.
  await sleep(11);
  const since = String(Math.floor(Date.now() / 1000) - 7);
  const inputs = {
    'expected-weight': '20',
    'prometheus-url': url,
    ...SELECTORS,
    since,
  };
  using one = workspace({ '.canary.yaml': RULES });
  using two = workspace({ '.canary.yaml': RULES });
  const first = await one.act(inputs);
  await sleep(5);
  const second = await two.act(inputs);
  expect(first.outputs.verdict).toBe('pass');
  expect(second.trace).toBe(first.trace);
  expect(second.verdict).toBe(first.verdict);
});

/** What the sources need, without an action around them. */
async function asking<T>(body: (client: PromClient, signal: AbortSignal) => Promise<T>): Promise<T> {
  const http = openHttp();
  try {
    return await body(openPrometheus(http, new URL(url), {}, systemClock), new AbortController().signal);
  } finally {
    await http.close();
  }
}

async function linesOf(options: Partial<PrometheusOptions>, most = Number.POSITIVE_INFINITY): Promise<TraceLine[]> {
  return asking(async (client, signal) => {
    const source = prometheusSource({
      client,
      config: parseConfig(RULES, '.canary.yaml'),
      arms: {
        stable: parseMatchers(SELECTORS['stable-selector']),
        canary: parseMatchers(SELECTORS['canary-selector']),
      },
      since: [],
      context: { step: '20', weight: 20, t0: null, lastEnd: null, fault: () => {} },
      clock: systemClock,
      ...options,
    });
    const lines: TraceLine[] = [];
    while (lines.length < most) {
      const line = await source.next(signal);
      if (line === null) break;
      lines.push(line);
    }
    return lines;
  });
}

test('T34 a window of the past tells what the run told that watched it', async () => {
  await sleep(3);
  const live = await linesOf({}, 7);
  const [first, last] = [live[0], live.at(-1)];
  if (first === undefined || !('at' in first) || last === undefined || !('end' in last)) throw new Error('no lines');
  await sleep(2);
  const past = await linesOf({ since: [{ weight: 20, at: first.at }], until: last.end });
  expect(past.map((line) => canonicalLine(line))).toEqual(live.map((line) => canonicalLine(line)));
});

test('counts by pod are those of the arms', async () => {
  await sleep(2);
  const notes: string[] = [];
  const lines = await linesOf({ pods: { nodes: true, note: (line) => void notes.push(line) } }, 4);
  const counted = lines.filter((line): line is Interval => 'end' in line && line.metrics !== undefined);
  expect(counted.length).toBeGreaterThan(0);
  for (const { pods, metrics } of counted) {
    expect(pods).toEqual({
      stable: { 'stable-1': { errors: metrics?.errors?.stable, latency: { n: expect.any(Number), e: 0 } } },
      canary: { 'canary-1': { errors: metrics?.errors?.canary, latency: { n: expect.any(Number), e: 0 } } },
    });
  }
  expect(notes).toEqual([]);
});

test('a pod that two jobs scrape is refused, and the label is named', async () => {
  await sleep(3);
  const arms = {
    stable: parseMatchers('app="twice",track="stable"'),
    canary: parseMatchers('app="twice",track="canary"'),
  };
  await expect(linesOf({ arms }, 5)).rejects.toMatchObject({ code: 'E_SERIES_DUPLICATE' });
  await expect(linesOf({ arms }, 5)).rejects.toThrow('label job');
});

test('rules and versions found from namespace and app, and what a run by them can see', async () => {
  await sleep(5);
  const found = await asking((client, signal) =>
    discover(client, { namespace: 'prod', app: 'shop', arms: null }, signal),
  );
  expect(found).toMatchObject({ template: 'app', stable: 'track="stable"', canary: 'track="canary"' });
  expect(found.rules).toContain('http_requests_total{code=~"5..",namespace="prod",app="shop"}');
  const config = parseConfig(found.rules, 'found');
  const rates = await asking(async (client, signal) => {
    const arms = { stable: parseMatchers(found.stable), canary: parseMatchers(found.canary) };
    return measureRates(client, config, arms, await client.time(signal), signal);
  });
  expect(rates?.perSecond).toBeGreaterThan(0);
  const table = rates === null ? null : powerTable(config, 20, rates);
  expect(table === null ? '' : powerLines(table)[0]).toMatch(/req\/s and 20 %: .*; pass in/);
  const nothing = asking((client, signal) =>
    discover(client, { namespace: 'prod', app: 'nobody', arms: null }, signal),
  );
  await expect(nothing).rejects.toThrow('labels there: __name__, app, code');
});

test('three runs joined by history reach the verdict of one rebuild by since', async () => {
  const rules = `version: 1
interval: 1s
lag: 3s
warmup: 0s
settle: 5s
steps: [{weight: 10, min: 5s, max: 60s}, {weight: 20, min: 5s, max: 60s}, {weight: 40, min: 5s, max: 60s}]
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.05}
`;
  using place = workspace({ '.canary.yaml': rules });
  const begun: string[] = [];
  let last: Done | undefined;
  for (const weight of [10, 20, 40]) {
    rates = { stable: 2 * (100 - weight), canary: 2 * weight };
    if (last !== undefined) place.write('before.jsonl', last.trace);
    await sleep(2);
    last = await place.act({
      'expected-weight': String(weight),
      'prometheus-url': url,
      ...SELECTORS,
      history: last === undefined ? '' : 'before.jsonl',
    });
    expect([last.errors, last.outputs.verdict]).toEqual([[], 'pass']);
    const runs = last.trace
      .trimEnd()
      .split('\n')
      .filter((row) => row.includes('"event":"run"'));
    begun.push(`${weight}@${(JSON.parse(runs.at(-1) ?? '{}') as { at: number }).at}`);
  }
  const rebuilt = await place.act({
    'expected-weight': '40',
    'prometheus-url': url,
    ...SELECTORS,
    since: begun.join('\n'),
  });
  const told = (done: Done | undefined): unknown => {
    const { verdict, reason, steps } = JSON.parse(done?.verdict ?? '{}') as {
      verdict: string;
      reason: string;
      steps: { step: string; verdict: string }[];
    };
    return { verdict, reason, steps: steps.map((step) => [step.step, step.verdict]) };
  };
  expect(told(rebuilt)).toEqual(told(last));
  expect(told(rebuilt)).toEqual({
    verdict: 'pass',
    reason: 'healthy',
    steps: [
      ['10', 'pass'],
      ['20', 'pass'],
      ['40', 'pass'],
    ],
  });
});

describe('Prometheus is stopped', () => {
  const blind = (seconds: number): string =>
    RULES.replace('settle: 0s', `settle: 0s\nblind: ${seconds}s`).replace('max: 60s', 'max: 200s');
  const inputs = (): Record<string, string> => ({ 'expected-weight': '20', 'prometheus-url': url, ...SELECTORS });
  const passes = (done: Done): string[] => {
    // A pass is never given on a line without data.
    const rows = intervals(done);
    return done.outputs.verdict === 'pass' && rows.at(-1)?.gap !== undefined ? ['on a gap'] : [];
  };

  test('T28 for the whole run: hold blind', async () => {
    await stopPrometheus();
    try {
      using place = workspace({ '.canary.yaml': blind(6) });
      const done = await place.act(inputs());
      expect([done.code, done.outputs.verdict, done.outputs.reason]).toEqual([1, 'hold', 'blind']);
      expect(new Set(intervals(done).map((line) => line.gap))).toEqual(new Set(['query-error']));
      expect(passes(done)).toEqual([]);
    } finally {
      await startPrometheus();
    }
  });

  test('T28 for a third of blind: judged on', async () => {
    await ready();
    using place = workspace({ '.canary.yaml': blind(45).replace('min: 5s', 'min: 20s') });
    // So much time without data asks for four times as much with data before a pass.
    const running = place.act(inputs(), { timeout: 180 });
    await sleep(8);
    await stopPrometheus();
    await sleep(2);
    // It takes some ten seconds more until it scrapes again.
    await startPrometheus();
    const done = await running;
    expect([done.errors, done.outputs.verdict]).toEqual([[], 'pass']);
    const gaps = intervals(done).filter((line) => line.gap !== undefined);
    expect(gaps.length).toBeGreaterThan(0);
    expect(Number(done.outputs.coverage)).toBeLessThan(1);
    expect(passes(done)).toEqual([]);
  });
});

test('its own words: names, a clock, and a query that it rejects', async () => {
  const http = openHttp();
  try {
    const client = openPrometheus(http, new URL(url), {}, systemClock);
    const { signal } = new AbortController();
    expect(await client.names(signal)).toEqual(expect.arrayContaining(['http_requests_total', 'up']));
    expect(Math.abs((await client.time(signal)) - Date.now() / 1000)).toBeLessThan(60);
    await expect(client.matrix('up{', 0, signal)).rejects.toMatchObject({ code: 'E_QUERY_REJECTED' });
    const [series] = await client.matrix(
      'http_requests_total{track="stable",code="200"}[60s]',
      Date.now() / 1000,
      signal,
    );
    expect(series?.labels).toMatchObject({ pod: 'stable-1', track: 'stable' });
    expect(series?.points.length).toBeGreaterThan(1);
  } finally {
    await http.close();
  }
});
