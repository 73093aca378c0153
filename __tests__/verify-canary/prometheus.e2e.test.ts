/** A real Prometheus beside the source of pages: the same pods, the same counts, the same verdicts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openHttp } from '../../src/http/index.ts';
import { systemClock } from '../../src/runner/index.ts';
import { openPrometheus } from '../../src/verify-canary/collect/promql.ts';
import type { Interval } from '../../src/verify-canary/core/index.ts';
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
let url = '';
let load: Omit<Load, 'rate'> = {};
let stop: () => void;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

beforeAll(async () => {
  [stable, canary] = [await new Pod(1).listen(), await new Pod(2).listen()];
  folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const job = (track: string, pod: Pod): object => ({
    job_name: track,
    static_configs: [{ targets: [new URL(pod.url).host], labels: { app: 'shop', track, pod: `${track}-1` } }],
  });
  // JSON is YAML.
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [job('stable', stable), job('canary', canary)],
    }),
  );
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const gone = new Promise<never>((_, fail) => {
    prometheus.once('error', fail);
    prometheus.once('exit', (code) => fail(new Error(`prometheus ended with ${code}`)));
  });
  gone.catch(() => {});
  await Promise.race([gone, ready()]);
}, 60_000);

/** Both pods have been scraped: the first time is some seconds after the start, at random. */
async function ready(): Promise<void> {
  for (let i = 0; i < 300; i += 1) {
    const answer = await fetch(`${url}/api/v1/query?query=up`).then(
      (response) => response.json() as Promise<{ data?: { result: { value: [number, string] }[] } }>,
      () => undefined,
    );
    if (answer?.data?.result.filter((series) => series.value[1] === '1').length === 2) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('prometheus did not get ready');
}

afterAll(async () => {
  if (prometheus?.exitCode === null) {
    const ended = new Promise((done) => prometheus.once('exit', done));
    prometheus.kill('SIGTERM');
    await ended;
  }
  await stable[Symbol.asyncDispose]();
  await canary[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  load = {};
  stop = drive((seconds) => {
    stable.run(seconds, { rate: 160 });
    canary.run(seconds, { rate: 40, ...load });
  });
});
afterEach(() => stop());

const sleep = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

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
      'stable-selector': 'app="shop",track="stable"',
      'canary-selector': 'app="shop",track="canary"',
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
    'stable-selector': 'app="shop",track="stable"',
    'canary-selector': 'app="shop",track="canary"',
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
