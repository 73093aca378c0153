/** From namespace and app to a rules file: each mesh as its series look, and a clear word where nothing fits. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type MetricsHandle, startMetrics } from '../../../lab/metrics/server.ts';
import { Store } from '../../../lab/metrics/store.ts';
import { openHttp } from '../../../src/http/index.ts';
import { type Discovered, discover, type Wanted } from '../../../src/verify-canary/collect/discover.ts';
import { openLookup } from '../../../src/verify-canary/collect/lookup.ts';
import { prometheusSource } from '../../../src/verify-canary/collect/prometheus.ts';
import { openPrometheus } from '../../../src/verify-canary/collect/promql.ts';
import { parseMatchers } from '../../../src/verify-canary/collect/selector.ts';
import { parseConfig } from '../../../src/verify-canary/config.ts';
import type { Interval } from '../../../src/verify-canary/core/index.ts';
import { memoryHttp, type Reply, steppingClock, T } from '../support/world.ts';

let store: Store;
let server: MetricsHandle;
beforeEach(async () => {
  store = new Store();
  server = await startMetrics({ targets: () => [], intervalMs: 3_600_000, store, now: () => T });
});
afterEach(() => server.close());

/** Ten minutes of one counter. */
function counter(name: string, labels: Record<string, string>, rate = 10, every = 30): void {
  for (let at = T - 600; at <= T; at += every) store.append(name, labels, at, Math.round((at - (T - 600)) * rate));
}

/** Ten minutes of a histogram; shares are cumulative, by bound. */
function histogram(
  base: string,
  labels: Record<string, string>,
  shares: Readonly<Record<string, number>>,
  rate = 10,
): void {
  for (const [le, share] of Object.entries({ ...shares, '+Inf': 1 }))
    counter(`${base}_bucket`, { ...labels, le }, rate * share);
}

async function find(wanted: Partial<Wanted> = {}): Promise<Discovered> {
  const http = openHttp();
  try {
    const client = openPrometheus(http, new URL(server.url), {}, steppingClock(T));
    return await discover(
      client,
      { namespace: 'prod', app: 'shop', arms: null, ...wanted },
      new AbortController().signal,
    );
  } finally {
    await http.close();
  }
}

/** What the found rules count in the last two minutes. */
async function read(found: Discovered): Promise<Interval[]> {
  const http = openHttp();
  try {
    const clock = steppingClock(T);
    const source = prometheusSource({
      client: openPrometheus(http, new URL(server.url), {}, clock),
      config: parseConfig(found.rules, 'found'),
      arms: { stable: parseMatchers(found.stable), canary: parseMatchers(found.canary) },
      since: [{ weight: 20, at: T - 300 }],
      until: T - 60,
      context: { step: '20', weight: 20, t0: null, lastEnd: null, fault: (cause) => expect(cause).toBe('') },
      clock,
    });
    const lines: Interval[] = [];
    for (;;) {
      const line = await source.next(new AbortController().signal);
      if (line === null) return lines;
      if (!('type' in line)) lines.push(line);
    }
  } finally {
    await http.close();
  }
}

const SHARES = { '0.1': 0.6, '0.25': 0.9, '0.5': 0.96, '1': 0.995, '2.5': 1 };

test('the service itself: labels, bounds that say something, an objective and the scrape interval', async () => {
  for (const [track, rate] of [
    ['stable', 40],
    ['canary', 10],
  ] as const) {
    const labels = { namespace: 'prod', app: 'shop', track, pod: `shop-${track}-1` };
    counter('http_requests_total', { ...labels, status: '200' }, rate);
    counter('http_requests_total', { ...labels, status: '503' }, rate * 0.004);
    histogram('http_request_duration_seconds', labels, SHARES, rate);
  }
  // Somebody else's.
  counter('http_requests_total', { namespace: 'prod', app: 'shopping', track: 'stable', status: '200' });
  counter('http_requests_total', { namespace: 'test', app: 'shop', track: 'stable', status: '200' });
  const found = await find();
  expect(found).toMatchObject({ template: 'app', stable: 'track="stable"', canary: 'track="canary"' });
  expect(found.rules).toBe(`# Found for shop in prod. Objectives (slo) are guesses from ten minutes: set your own.
# stable-selector: track="stable"
# canary-selector: track="canary"
version: 1
interval: 30s
metrics:
  - name: errors
    kind: ratio
    events: http_requests_total{status=~"5..",namespace="prod",app="shop"}
    total: http_requests_total{namespace="prod",app="shop"}
    weight: 4
    slo: 0.02
  - name: latency
    kind: latency
    histogram: http_request_duration_seconds{namespace="prod",app="shop"}
    le:
      - 0.1
      - 0.5
      - 1
    weight: 3
    slo:
      le: 0.5
      max: 0.1
`);
  expect(found.found).toEqual([
    expect.stringContaining('4 series of http_requests_total'),
    'versions by track: track="stable" and track="canary"',
    'a sample every 30 s',
    'bounds of http_request_duration_seconds: 0.1, 0.25, 0.5, 1, 2.5',
  ]);
  // Few questions: series, type, samples of the counter, buckets, and the two of the objective.
  expect(server.requests().length).toBeLessThanOrEqual(3 + 7);
  const lines = await read(found);
  expect(lines[0]).toMatchObject({ traffic: { stable: 1205, canary: 301 } });
});

test('T23 only bounds that both versions have; without one no latency', async () => {
  const put = (track: string, shares: Record<string, number>): void => {
    const labels = { namespace: 'prod', app: 'shop', track, code: '200' };
    counter('http_requests_total', labels);
    histogram('http_request_duration_seconds', labels, shares);
  };
  put('stable', { '0.1': 0.6, '0.25': 0.96, '1.0': 0.999 });
  put('canary', { '0.1': 0.6, '0.5': 0.97, '1': 0.999 });
  const found = await find();
  expect(found.found).toContain('bounds of http_request_duration_seconds: 0.1, 1');
  expect(parseConfig(found.rules, 'found').judge.metrics[1]).toMatchObject({ le: [0.1, 1] });
  expect((await read(found))[1]?.metrics?.latency?.canary).toMatchObject({ n: 300 });
});

test('T24 a histogram of stable alone is not judged, and that is said', async () => {
  for (const track of ['stable', 'canary'])
    counter('http_requests_total', { namespace: 'prod', app: 'shop', track, code: '200' });
  histogram('http_request_duration_seconds', { namespace: 'prod', app: 'shop', track: 'stable' }, SHARES);
  const found = await find();
  expect(parseConfig(found.rules, 'found').sources.map((s) => s.name)).toEqual(['errors']);
  expect(found.found.join()).toContain('no histogram that both versions have');
});

describe('each mesh', () => {
  const le = (unit: number): Record<string, number> => ({
    [String(50 * unit)]: 0.6,
    [String(250 * unit)]: 0.97,
    [String(1000 * unit)]: 0.999,
  });
  const CASES: Readonly<Record<string, { put: () => void; stable: string; canary: string; total: string }>> = {
    istio: {
      put() {
        for (const [version, rate] of [
          ['stable', 40],
          ['canary', 10],
        ] as const) {
          const labels = {
            destination_workload_namespace: 'prod',
            destination_app: 'shop',
            destination_version: version,
            reporter: 'destination',
          };
          counter('istio_requests_total', { ...labels, response_code: '200' }, rate);
          counter('istio_requests_total', { ...labels, reporter: 'source', response_code: '200' }, rate);
          histogram('istio_request_duration_milliseconds', labels, le(1), rate);
        }
      },
      stable: 'destination_version="stable"',
      canary: 'destination_version="canary"',
      total:
        'istio_requests_total{reporter="destination",destination_workload_namespace="prod",destination_app="shop"}',
    },
    linkerd: {
      put() {
        for (const [deployment, rate] of [
          ['shop', 40],
          ['shop-canary', 10],
        ] as const) {
          const labels = { namespace: 'prod', deployment, direction: 'inbound', pod: `${deployment}-7d9-x` };
          counter('response_total', { ...labels, classification: 'success' }, rate);
          histogram('response_latency_ms', labels, le(1), rate);
        }
      },
      stable: 'deployment="shop"',
      canary: 'deployment="shop-canary"',
      total: 'response_total{direction="inbound",namespace="prod",deployment=~"shop(-.*)?"}',
    },
    nginx: {
      put() {
        for (const [canary, rate] of [
          ['', 40],
          ['prod-shop-canary-80', 10],
        ] as const) {
          const labels = { exported_namespace: 'prod', namespace: 'ingress', ingress: 'shop', canary };
          counter('nginx_ingress_controller_requests', { ...labels, status: '200' }, rate);
          histogram('nginx_ingress_controller_request_duration_seconds', labels, le(0.001), rate);
        }
      },
      stable: 'canary=""',
      canary: 'canary!=""',
      total: 'nginx_ingress_controller_requests{exported_namespace="prod",ingress="shop"}',
    },
    traefik: {
      put() {
        for (const [service, rate] of [
          ['prod-shop-80@kubernetes', 40],
          ['prod-shop-canary-80@kubernetes', 10],
        ] as const) {
          counter('traefik_service_request_duration_seconds_count', { service, code: '200' }, rate);
          histogram(
            'traefik_service_request_duration_seconds',
            { service, code: '200' },
            { '0.1': 0.6, '0.3': 0.97, '1.2': 1 },
            rate,
          );
        }
        counter('traefik_service_request_duration_seconds_count', {
          service: 'prod-shopping-80@kubernetes',
          code: '200',
        });
      },
      stable: 'service="prod-shop-80@kubernetes"',
      canary: 'service="prod-shop-canary-80@kubernetes"',
      total: 'traefik_service_request_duration_seconds_count',
    },
    'envoy-gateway': {
      put() {
        for (const [route, rate] of [
          ['shop', 40],
          ['shop-canary', 10],
        ] as const) {
          const labels = { envoy_cluster_name: `httproute/prod/${route}/rule/0` };
          counter('envoy_cluster_upstream_rq_completed', labels, rate);
          counter('envoy_cluster_upstream_rq_xx', { ...labels, envoy_response_code_class: '5' }, rate * 0.001);
          histogram('envoy_cluster_upstream_rq_time', labels, le(1), rate);
        }
      },
      stable: 'envoy_cluster_name="httproute/prod/shop/rule/0"',
      canary: 'envoy_cluster_name="httproute/prod/shop-canary/rule/0"',
      total: 'envoy_cluster_upstream_rq_completed',
    },
    app: {
      put() {
        for (const [pod, rate] of [
          ['shop-6f-a', 30],
          ['shop-6f-b', 10],
          ['shop-canary-9c-a', 10],
        ] as const) {
          counter(
            'http_server_request_duration_seconds_count',
            { namespace: 'prod', job: 'shop', pod, http_response_status_code: '200' },
            rate,
          );
        }
      },
      stable: 'pod=~"shop-.+",pod!~"shop-canary-.+"',
      canary: 'pod=~"shop-canary-.+"',
      total: 'http_server_request_duration_seconds_count{namespace="prod",job="shop"}',
    },
  };

  test.each(Object.entries(CASES))('%s', async (template, { put, stable, canary, total }) => {
    put();
    const found = await find();
    expect(found).toMatchObject({ template, stable, canary });
    const config = parseConfig(found.rules, 'found');
    expect(found.rules).toContain(`total: ${total}\n`);
    expect(config.sources.map((s) => s.name)).toEqual(template === 'app' ? ['errors'] : ['errors', 'latency']);
    const [, line] = await read(found);
    expect(line?.traffic).toEqual({ stable: 1200, canary: 300 });
    if (template !== 'app') expect(line?.metrics?.latency?.canary).toMatchObject({ n: 300 });
  });
});

test('the versions as the inputs give them', async () => {
  for (const [version, rate] of [
    ['v1', 40],
    ['v2', 10],
  ] as const) {
    counter('http_requests_total', { namespace: 'prod', app: 'shop', version, code: '200' }, rate);
  }
  await expect(find()).rejects.toThrow("no label that says which series are the canary's: version=v1|v2");
  const arms = { stable: parseMatchers('version="v1"'), canary: parseMatchers('version=~"v2"') };
  expect(await find({ arms })).toMatchObject({ stable: 'version="v1"', canary: 'version=~"v2"' });
  await expect(find({ arms: { ...arms, canary: parseMatchers('version="v3"') } })).rejects.toMatchObject({
    code: 'E_DISCOVERY',
  });
});

describe('refused with what was looked for', () => {
  test('nothing there', async () => {
    counter('up', { namespace: 'prod', app: 'shop', team: 'x' });
    const error = await find().catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'E_DISCOVERY' });
    const { message } = error as Error;
    for (const word of ['Istio', 'Linkerd', 'http_requests_total', 'ingress-nginx', 'Traefik', 'Envoy Gateway']) {
      expect(message).toContain(word);
    }
    expect(message).toContain('labels there: __name__, app, namespace, team');
    expect(server.requests().length).toBeLessThanOrEqual(8);
  });

  test('no such namespace', async () => {
    await expect(find()).rejects.toThrow('no series has the label namespace with this value');
  });

  test('a gauge', async () => {
    counter('http_requests_total', { namespace: 'prod', app: 'shop', track: 'stable', code: '200' });
    store.types.set('http_requests_total', 'gauge');
    await expect(find()).rejects.toThrow('http_requests_total is a gauge');
  });

  test('no label with the status', async () => {
    counter('http_requests_total', { namespace: 'prod', app: 'shop', track: 'stable', verb: 'get' });
    await expect(find()).rejects.toThrow('has none of the labels code, status, status_code, http_response_status_code');
  });

  test('only one version', async () => {
    counter('http_requests_total', { namespace: 'prod', app: 'shop', track: 'stable', code: '200' });
    await expect(find()).rejects.toThrow("no label that says which series are the canary's: track=stable");
  });

  test('a label that some series do not have says nothing of those', async () => {
    for (const track of ['stable', 'canary', '']) {
      counter('http_requests_total', { namespace: 'prod', app: 'shop', code: '200', ...(track ? { track } : {}) });
    }
    await expect(find()).rejects.toMatchObject({ code: 'E_DISCOVERY' });
  });

  test('T35 hostile label values are quoted in selectors and inert in words', async () => {
    const evil = '"}\n::error::x\\';
    counter('http_requests_total', { namespace: 'prod', app: 'shop', code: '200', track: evil });
    counter('http_requests_total', { namespace: 'prod', app: 'shop', code: '200', track: 'canary' });
    const found = await find();
    expect(found.stable).toBe('track="\\"}\\n::error::x\\\\"');
    expect(found.rules).not.toMatch(/^::error/m);
    expect(() => parseConfig(found.rules, 'found')).not.toThrow();
    await expect(find({ app: 'a"b\n::error::c' })).rejects.toThrow(/^[^\n]+$/);
  });

  test.each<[string, Reply, string, string]>([
    [
      'a warning: half of a cluster',
      { body: '{"status":"success","warnings":["half is missing"],"data":[]}' },
      'E_DISCOVERY',
      'half is missing',
    ],
    ['HTML', { body: '<!doctype html>' }, 'E_DISCOVERY', 'as JSON'],
    ['no list', { body: '{"status":"success","data":{"a":1}}' }, 'E_DISCOVERY', 'not a list'],
    ['a series without labels', { body: '{"status":"success","data":[null]}' }, 'E_DISCOVERY', 'without labels'],
    ['404', { status: 404 }, 'E_DISCOVERY', 'answered 404'],
    ['503', { status: 503 }, 'E_DISCOVERY', 'answered 503'],
    ['401', { status: 401 }, 'E_PERMISSION_MISSING', 'no valid credential'],
    ['a redirect', { status: 302 }, 'E_REDIRECT', 'not followed'],
    ['17 MB', { body: 'x'.repeat(17 * 1024 * 1024) }, 'E_RESPONSE_TOO_LARGE', 'larger than 16 MB'],
  ])('T26 %s: not guessed from', async (_, reply, code, words) => {
    const time = '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}';
    const http = memoryHttp(({ url }) => (url.pathname.endsWith('/query') ? { body: time } : reply))();
    const client = openPrometheus(
      http,
      new URL('https://prom.example/base'),
      { authorization: 'Bearer t-0k3n' },
      steppingClock(T),
    );
    const error = await discover(
      client,
      { namespace: 'prod', app: 'shop', arms: null },
      new AbortController().signal,
    ).catch((e: unknown) => e);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain('t-0k3n');
  });

  test('questions are bounded in time and number, and keep the base path and its query', async () => {
    const asked: URL[] = [];
    const http = memoryHttp(({ url }) => {
      asked.push(url);
      const scalar = '{"resultType":"scalar","result":[1,"1700000000.5"]}';
      return { body: `{"status":"success","data":${url.pathname.endsWith('/query') ? scalar : '[]'}}` };
    })();
    const client = openPrometheus(http, new URL('https://prom.example/base?tenant=a'), {}, steppingClock(T));
    await discover(client, { namespace: 'prod', app: 'shop', arms: null }, new AbortController().signal).catch(
      () => {},
    );
    const series = asked.filter((url) => url.pathname === '/base/api/v1/series');
    expect(series).toHaveLength(6);
    for (const url of series) {
      expect(url.searchParams.get('tenant')).toBe('a');
      expect(url.searchParams.getAll('match[]').length).toBeGreaterThan(0);
      expect([url.searchParams.get('start'), url.searchParams.get('end')]).toEqual(['1699999400', '1700000001']);
      expect(Number(url.searchParams.get('limit'))).toBeGreaterThan(0);
    }
  });

  test('of a server that does not know a limit, the rest is not looked at', async () => {
    const data = Array.from({ length: 20_001 }, (_, i) => ({ __name__: 'x_total', i: String(i) }));
    const http = memoryHttp(() => ({ body: JSON.stringify({ status: 'success', data }) }))();
    const client = openPrometheus(http, new URL('https://prom.example/'), {}, steppingClock(T));
    expect(await openLookup(client, T).series(['x_total'], new AbortController().signal)).toHaveLength(20_000);
  });

  test('a server that is gone is told as such', async () => {
    await server.close();
    await expect(find()).rejects.toMatchObject({ code: 'E_DISCOVERY' });
  });
});
