/** Counts by pod, from both sources: a part of the counts of the arms, and no more than was asked for. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openHttp } from '../../../src/http/index.ts';
import { type ArmCounts, addCount, type Counts, planWants } from '../../../src/verify-canary/collect/plan.ts';
import { type PodOptions, podReader, targetNames } from '../../../src/verify-canary/collect/pods.ts';
import { prometheusSource } from '../../../src/verify-canary/collect/prometheus.ts';
import { openPrometheus } from '../../../src/verify-canary/collect/promql.ts';
import { scrapeSource } from '../../../src/verify-canary/collect/scrape.ts';
import { parseMatchers } from '../../../src/verify-canary/collect/selector.ts';
import type { MetricsSource } from '../../../src/verify-canary/collect/source.ts';
import { canonicalLine, type Interval, parseLine } from '../../../src/verify-canary/core/index.ts';
import { Pod } from '../support/pod.ts';
import { Prom } from '../support/prom.ts';
import { CPU, ERRORS, LATENCY, podsHttp, podUrl, rules, steppingClock, T } from '../support/world.ts';

const config = rules([ERRORS, LATENCY, CPU]);
const NO_NODES = new Map<string, string>();
const context = { step: '20', weight: 20, t0: null, lastEnd: null, fault: () => {} };

function asked(more: Partial<PodOptions> = {}): PodOptions & { notes: string[] } {
  const notes: string[] = [];
  return { notes, note: (line) => void notes.push(line), ...more };
}

/** One arm: pod -> [requests, failed, slower than 0.5 s]. */
function arm(pods: Readonly<Record<string, readonly [number, number, number]>>): ArmCounts {
  const counts: Counts = new Map();
  for (const want of planWants(config)) {
    for (const [pod, [n, e, slow]] of Object.entries(pods)) {
      if (want.buckets) {
        for (const [le, value] of Object.entries({ '0.25': 0, '0.5': n - slow, '+Inf': n })) {
          addCount(counts, want, pod, le, value);
        }
      } else if (want.id.includes('code')) {
        if (e > 0) addCount(counts, want, pod, undefined, e);
      } else addCount(counts, want, pod, undefined, n);
    }
  }
  return { metrics: counts, traffic: counts };
}

describe('the counts of an interval by pod', () => {
  test('ratio as counted, latency at the bound of its objective, no CPU', () => {
    const of = podReader(config, asked()).of(
      { stable: arm({ 's-1': [80, 0, 8], 's-2': [70, 2, 0] }), canary: arm({ 'c-1': [20, 5, 20] }) },
      new Map([
        ['c-1', 'node-7'],
        ['x', 'node-1'],
      ]),
    );
    expect(of).toEqual({
      pods: {
        stable: {
          's-1': { errors: { n: 80, e: 0 }, latency: { n: 80, e: 8 } },
          's-2': { errors: { n: 70, e: 2 }, latency: { n: 70, e: 0 } },
        },
        canary: { 'c-1': { errors: { n: 20, e: 5 }, latency: { n: 20, e: 20 } } },
      },
      nodes: { 'c-1': 'node-7' },
    });
  });

  test('without an objective at the largest bound', () => {
    const plain = rules(['{name: latency, kind: latency, histogram: http_request_duration_seconds, le: [0.5, 0.25]}']);
    const counts: Counts = new Map();
    for (const want of planWants(plain)) {
      if (!want.buckets) continue;
      for (const [le, n] of Object.entries({ '0.25': 3, '0.5': 7, '+Inf': 10 })) addCount(counts, want, 'c-1', le, n);
    }
    const none: ArmCounts = { metrics: new Map(), traffic: new Map() };
    const { pods } = podReader(plain, asked()).of(
      { stable: none, canary: { metrics: counts, traffic: counts } },
      NO_NODES,
    );
    expect(pods?.canary).toEqual({ 'c-1': { latency: { n: 10, e: 3 } } });
  });

  test('a pod in warm-up is traffic of its version, and no pod to compare', () => {
    const cold: ArmCounts = {
      metrics: arm({ 's-1': [80, 1, 0] }).metrics,
      traffic: arm({ 's-2': [70, 70, 70] }).traffic,
    };
    const { pods } = podReader(config, asked()).of({ stable: cold, canary: cold }, NO_NODES);
    expect(pods).toBeUndefined();
    const own = podReader(config, asked()).of({ stable: cold, canary: arm({ 'c-1': [9, 0, 0] }) }, NO_NODES);
    expect(Object.keys(own.pods?.stable ?? {})).toEqual(['s-1']);
  });

  test('more than 20 pods of an arm: the rest is left out, told once', () => {
    const many = Object.fromEntries(
      Array.from({ length: 23 }, (_, i) => [`s-${String(i).padStart(2, '0')}`, [9, 1, 0]]),
    );
    const options = asked();
    const reader = podReader(config, options);
    for (let i = 0; i < 3; i += 1) {
      const { pods } = reader.of({ stable: arm(many as never), canary: arm({ c: [1, 0, 0] }) }, NO_NODES);
      expect(Object.keys(pods?.stable ?? {})).toEqual(Object.keys(many).slice(0, 20));
    }
    expect(options.notes).toHaveLength(1);
    expect(options.notes[0]).toContain('stable has more than 20 pods');
  });

  test('pods that count both versions say nothing of theirs: left out, told once', () => {
    const options = asked();
    const both = { stable: arm({ 'ingress-1': [80, 0, 0] }), canary: arm({ 'ingress-1': [20, 0, 0] }) };
    expect(podReader(config, options).of(both, NO_NODES)).toEqual({});
    expect(options.notes).toEqual([expect.stringContaining('by the same pods')]);
  });

  test('a line that would be too long is written without its pods, told once', () => {
    const options = asked();
    const reader = podReader(config, options);
    const long = `s-${'x'.repeat(240)}`;
    const pods = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${long}-${i}`, { errors: { n: 1, e: 0 } }]));
    const more = Array.from({ length: 32 }, (_, i) => `m-${i}`);
    const wide = Object.fromEntries(
      Object.keys(pods).map((pod) => [pod, Object.fromEntries(more.map((m) => [m, { n: 2 ** 52, e: 2 ** 52 }]))]),
    );
    const line: Interval = { v: 1, step: '20', weight: 20, start: 0, end: 15, pods: { stable: pods, canary: {} } };
    expect(reader.fit(line)).toBe(line);
    const { pods: _, ...rest } = line;
    expect(reader.fit({ ...line, pods: { stable: wide, canary: wide } })).toEqual(rest);
    expect(options.notes).toEqual([expect.stringContaining('too long')]);
  });

  test('T35 hostile names are left out, told in words of our own', () => {
    const options = asked();
    const hostile = ['::error::x', '__proto__', '<script>', 'a\nb', 'p'.repeat(300), ''];
    const stable = arm(Object.fromEntries([...hostile, 's-1'].map((name) => [name, [5, 0, 0]])) as never);
    const { pods, nodes } = podReader(config, options).of(
      { stable, canary: arm({ 'c-1': [5, 0, 0] }) },
      new Map([['c-1', '::error::node']]),
    );
    expect(Object.keys(pods?.stable ?? {})).toEqual(['s-1']);
    expect(nodes).toBeUndefined();
    expect(options.notes).toHaveLength(1);
    expect(options.notes[0]).not.toMatch(/error|script/);
  });

  test('property: what is told by pod is what the arms tell, and the trace takes it', () => {
    const pod = fc.tuple(fc.nat(1000), fc.nat(50), fc.nat(50)).map(([n, e, s]) => [n + 50, e, s] as const);
    const some = (name: string) =>
      fc
        .array(pod, { minLength: 1, maxLength: 20 })
        .map((all) => Object.fromEntries(all.map((p, i) => [`${name}-${i}`, p])));
    fc.assert(
      fc.property(some('s'), some('c'), (stable, canary) => {
        const { pods } = podReader(config, asked()).of({ stable: arm(stable), canary: arm(canary) }, NO_NODES);
        for (const [facts, told] of [
          [stable, pods?.stable],
          [canary, pods?.canary],
        ] as const) {
          const sum = (i: 0 | 1 | 2): number => Object.values(facts).reduce((all, p) => all + p[i], 0);
          const errors = Object.values(told ?? {}).map((p) => p.errors);
          expect(errors.reduce((all, c) => all + (c?.n ?? 0), 0)).toBe(sum(0));
          expect(errors.reduce((all, c) => all + (c?.e ?? 0), 0)).toBe(sum(1));
          expect(Object.values(told ?? {}).reduce((all, p) => all + (p.latency?.e ?? 0), 0)).toBe(sum(2));
        }
        const line = { v: 1, step: '20', weight: 20, start: 0, end: 15, ...(pods ? { pods } : {}) } as Interval;
        expect(parseLine(canonicalLine(line))).toEqual(line);
      }),
      { numRuns: 50 },
    );
  });
});

async function take(source: MetricsSource, n: number): Promise<Interval[]> {
  const found: Interval[] = [];
  while (found.length < n) {
    const line = await source.next(new AbortController().signal);
    if (line === null) break;
    if (!('type' in line)) found.push(line);
  }
  return found;
}

describe('from pages', () => {
  function scraped(pods?: PodOptions): { source: MetricsSource; requests: () => number } {
    const all = [new Pod(1), new Pod(2), new Pod(3)];
    for (const pod of all) pod.serve(1000, {});
    const pages = podsHttp(Object.fromEntries(all.map((pod, i) => [`127.0.0.${i + 1}`, pod])))();
    let requests = 0;
    const http = {
      ...pages,
      send: async (r: Parameters<typeof pages.send>[0]) => pages.send(r).finally(() => (requests += 1)),
    };
    const clock = steppingClock(T, (dt) => {
      all[0]?.run(dt, { rate: 40 });
      all[1]?.run(dt, { rate: 20, errors: 0.1 });
      all[2]?.run(dt, { rate: 10, latency: 2 });
    });
    const url = (i: number, query = ''): URL => new URL(`${podUrl(i)}${query}`);
    const targets = { stable: [url(1), url(2, '?token=secret')], canary: [url(3)] };
    return {
      source: scrapeSource({ http, config, clock, context, targets, ...(pods ? { pods } : {}) }),
      requests: () => requests,
    };
  }

  test('each target is a pod; not one request more than without, and nothing when it is not asked for', async () => {
    const [plain, told] = [scraped(), scraped(asked())];
    const [without, lines] = [await take(plain.source, 3), await take(told.source, 3)];
    expect(without.every((line) => line.pods === undefined)).toBe(true);
    expect(told.requests()).toBe(plain.requests());
    expect(lines.map(({ pods: _, ...line }) => line)).toEqual(without);
    const [line] = lines;
    expect(Object.keys(line?.pods?.stable ?? {})).toEqual(['127.0.0.1', '127.0.0.2']);
    expect(line?.pods?.canary).toEqual({ '127.0.0.3': { errors: { n: 150, e: 0 }, latency: { n: 150, e: 150 } } });
    const errors = Object.values(line?.pods?.stable ?? {}).map((pod) => pod.errors);
    expect(errors.reduce((sum, c) => sum + (c?.n ?? 0), 0)).toBe(line?.traffic?.stable);
    expect(line).not.toHaveProperty('nodes');
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('names of targets: host and port, the path where it is needed, never the query', () => {
    const urls = ['http://a:1/metrics?x=1', 'http://b:1/m', 'http://b:1/n', 'http://c:1/m?x=1', 'http://c:1/m?x=2'];
    expect([...targetNames(urls.map((url) => new URL(url))).values()]).toEqual([
      'a:1',
      'b:1/m',
      'b:1/n',
      'c:1/m',
      'c:1/m#2',
    ]);
  });
});

describe('from Prometheus', () => {
  let now = T;
  let prom: Prom;
  beforeEach(async () => {
    now = T;
    prom = await new Prom(() => now).listen();
    const span = { from: T - 300, to: T + 300 };
    prom.add({ track: 'stable', pod: 's-1', ...span, rate: 40 });
    prom.add({ track: 'stable', pod: 's-2', ...span, rate: 20 });
    prom.add({ track: 'canary', pod: 'c-1', ...span, rate: 10, errors: () => 0.1 });
    for (const [pod, node] of [
      ['s-1', 'node-a'],
      ['c-1', 'node-b'],
    ] as const) {
      for (let at = T - 300; at <= T + 300; at += 15) prom.store.append('kube_pod_info', { pod, node }, at, 1);
    }
  });
  afterEach(() => prom[Symbol.asyncDispose]());

  async function read(pods?: PodOptions, n = 4): Promise<{ lines: Interval[]; queries: string[] }> {
    now = T;
    prom.asked.length = 0;
    const clock = steppingClock(T, (seconds) => {
      now += seconds;
    });
    const http = openHttp();
    try {
      const client = openPrometheus(http, new URL(prom.url), {}, clock);
      const arms = { stable: parseMatchers('track="stable"'), canary: parseMatchers('track="canary"') };
      const source = prometheusSource({ client, config, arms, since: [], context, clock, ...(pods ? { pods } : {}) });
      return { lines: await take(source, n), queries: prom.asked.map((a) => a.query) };
    } finally {
      await http.close();
    }
  }

  test('by the label pod, with nodes by one query; none more when nodes are not asked for', async () => {
    const plain = await read();
    const told = await read(asked());
    const nodes = await read(asked({ nodes: true }));
    expect(plain.lines.every((line) => line.pods === undefined)).toBe(true);
    expect(told.queries).toEqual(plain.queries);
    expect(told.lines[0]?.pods).toEqual({
      stable: {
        's-1': { errors: { n: 600, e: 0 }, latency: { n: 600, e: 0 } },
        's-2': { errors: { n: 300, e: 0 }, latency: { n: 300, e: 0 } },
      },
      canary: { 'c-1': { errors: { n: 150, e: expect.any(Number) }, latency: { n: 150, e: 0 } } },
    });
    expect(told.lines[0]).not.toHaveProperty('nodes');
    expect(nodes.queries.filter((q) => q.includes('kube_pod_info'))).toEqual([
      'kube_pod_info{pod=~"s-1|s-2|c-1"}[300s]',
    ]);
    expect(nodes.queries.length).toBe(plain.queries.length + 1);
    expect(nodes.lines.map((line) => line.nodes)).toEqual(Array(4).fill({ 's-1': 'node-a', 'c-1': 'node-b' }));
  });

  test('by another label; a node that the series name themselves is not asked for', async () => {
    const { lines } = await read(asked({ label: 'track' }));
    expect(lines[0]?.pods?.stable).toEqual({ stable: { errors: { n: 900, e: 0 }, latency: { n: 900, e: 0 } } });
  });

  test('no answer about nodes is neither a gap nor red, told once', async () => {
    prom.fault = ({ query }) => (query.startsWith('kube_pod_info') ? { status: 422, body: '{}' } : undefined);
    const options = asked({ nodes: true });
    const { lines } = await read(options);
    expect(lines.map((line) => [line.gap, line.nodes])).toEqual(Array(4).fill([undefined, undefined]));
    expect(lines[0]?.pods).toBeDefined();
    expect(options.notes).toEqual([expect.stringContaining('kube_pod_info')]);
  });

  test('a pod of a hostile name is asked for as itself', async () => {
    prom.add({ track: 'canary', pod: 'c"} or up{a=".*', from: T - 300, to: T + 300, rate: 1 });
    const { queries, lines } = await read(asked({ nodes: true }), 1);
    const [query] = queries.filter((q) => q.startsWith('kube_pod_info'));
    expect(query).toBe(
      'kube_pod_info{pod=~"s-1|s-2|c-1|c\\\\\\"\\\\}\\\\ or\\\\ up\\\\{a\\\\=\\\\\\"\\\\.\\\\*"}[300s]',
    );
    expect(lines[0]?.nodes).toEqual({ 's-1': 'node-a', 'c-1': 'node-b' });
  });
});
