/** The text of every template, word for word, and that the rules file takes it. */
import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../src/verify-canary/config.ts';
import {
  expandTemplate,
  type MetricEntry,
  TemplateError,
  type TemplateParameters,
  templateArms,
  templateNames,
  templateParameters,
} from '../../../src/verify-canary/templates/index.ts';

/** What each expands to, one line a metric. */
const GOLDEN: Readonly<Record<string, string>> = {
  app: `
errors ratio http_requests_total{code=~"5.."} / http_requests_total weight=4
latency latency http_request_duration_seconds le=0.1,0.25,0.5,1,2.5 weight=3`,
  istio: `
errors ratio istio_requests_total{reporter="destination",response_code=~"5..|0"} / istio_requests_total{reporter="destination"} weight=4
latency latency istio_request_duration_milliseconds{reporter="destination"} le=50,100,250,500,1000 weight=3`,
  nginx: `
errors ratio nginx_ingress_controller_requests{status=~"5.."} / nginx_ingress_controller_requests weight=4
latency latency nginx_ingress_controller_request_duration_seconds le=0.1,0.25,0.5,1,2.5 weight=3`,
  'envoy-gateway': `
errors ratio envoy_cluster_upstream_rq_xx{envoy_response_code_class="5"} / envoy_cluster_upstream_rq_completed weight=4
latency latency envoy_cluster_upstream_rq_time le=50,100,250,500,1000 weight=3`,
  linkerd: `
errors ratio response_total{direction="inbound",classification="failure"} / response_total{direction="inbound"} weight=4
latency latency response_latency_ms{direction="inbound"} le=50,100,300,500,1000 weight=3`,
  traefik: `
errors ratio traefik_service_request_duration_seconds_count{code=~"5.."} / traefik_service_request_duration_seconds_count weight=4
latency latency traefik_service_request_duration_seconds le=0.1,0.3,1.2 weight=3`,
  kubernetes: `
throttling ratio container_cpu_cfs_throttled_periods_total{container!=""} / container_cpu_cfs_periods_total{container!=""} fail={"floor":0.01} pass=none phi=4
restarts ratio kube_pod_container_status_restarts_total / http_requests_total fail={"floor":0} pass=none
oom ratio container_oom_events_total{container!=""} / http_requests_total fail={"floor":0} pass=none`,
  queue: `
failures ratio jobs_failed_total / jobs_done_total weight=4`,
};

function text(entries: readonly MetricEntry[]): string {
  return entries
    .map((entry) => {
      const { name, kind, ...rest } = entry;
      const { events, total, histogram, le, ...more } = rest as Record<string, unknown>;
      const what = kind === 'ratio' ? `${events} / ${total}` : `${histogram} le=${le}`;
      const keys = Object.entries(more)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ` ${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
      return `\n${name} ${kind} ${what}${keys.join('')}`;
    })
    .join('');
}

test('there is a golden text of every template', () => {
  expect(Object.keys(GOLDEN).sort()).toEqual(templateNames().sort());
});

describe.each(Object.entries(GOLDEN))('%s', (name, golden) => {
  test('expands to its text', () => {
    expect(text(expandTemplate(name))).toBe(golden);
  });

  test('is taken by the rules file', () => {
    const metrics = [...expandTemplate(name), ...(name === 'kubernetes' ? expandTemplate('app') : [])];
    const config = parseConfig(JSON.stringify({ version: 1, metrics }), '.canary.yaml');
    expect(config.sources.map((s) => s.name)).toEqual(metrics.map((m) => m.name));
  });
});

describe('parameters', () => {
  test.each(['code', 'status', 'status_code', 'http_response_status_code'])('app: the status is in %s', (label) => {
    const [errors] = expandTemplate('app', { 'status-label': label });
    expect(errors).toMatchObject({ events: `http_requests_total{${label}=~"5.."}`, total: 'http_requests_total' });
  });

  test('app after the semantic conventions of OpenTelemetry', () => {
    const entries = expandTemplate('app', {
      requests: 'http_server_request_duration_seconds_count',
      'status-label': 'http_response_status_code',
      duration: 'http_server_request_duration_seconds',
    });
    expect(text(entries)).toBe(`
errors ratio http_server_request_duration_seconds_count{http_response_status_code=~"5.."} / http_server_request_duration_seconds_count weight=4
latency latency http_server_request_duration_seconds le=0.1,0.25,0.5,1,2.5 weight=3`);
  });

  test('where goes into every selector, once', () => {
    const where = 'namespace="shop",reporter="destination",path!~"/health"';
    expect(text(expandTemplate('istio', { where, only: ['errors'] }))).toBe(`
errors ratio istio_requests_total{reporter="destination",response_code=~"5..|0",namespace="shop",path!~"/health"} / istio_requests_total{reporter="destination",namespace="shop",path!~"/health"} weight=4`);
  });

  test('a queue with a histogram, bounds and objectives of its own, beside another template', () => {
    const queue = expandTemplate('queue', {
      prefix: 'q-',
      done: 'sidekiq_jobs_executed_total',
      failed: 'sidekiq_jobs_failed_total',
      duration: 'sidekiq_job_runtime_seconds',
      le: [60, 5],
      slo: 0.02,
      'latency-slo': { le: 60, max: 0.1 },
    });
    expect(queue).toEqual([
      {
        name: 'q-failures',
        kind: 'ratio',
        events: 'sidekiq_jobs_failed_total',
        total: 'sidekiq_jobs_executed_total',
        weight: 4,
        slo: 0.02,
      },
      {
        name: 'q-duration',
        kind: 'latency',
        histogram: 'sidekiq_job_runtime_seconds',
        le: [5, 60],
        weight: 3,
        slo: { le: 60, max: 0.1 },
      },
    ]);
    expect(() =>
      parseConfig(JSON.stringify({ version: 1, metrics: [...queue, ...expandTemplate('app')] }), 'c'),
    ).not.toThrow();
  });

  test('two expansions share nothing', () => {
    const [, latency] = expandTemplate('app');
    if (latency?.kind === 'latency') latency.le.push(9);
    expect(expandTemplate('app')[1]).toMatchObject({ le: [0.1, 0.25, 0.5, 1, 2.5] });
  });

  test('only ingress-nginx tells the versions apart by itself', () => {
    expect(templateNames().filter((name) => templateArms(name) !== null)).toEqual(['nginx']);
    expect(templateArms('nginx')).toEqual({ stable: 'canary=""', canary: 'canary!=""' });
  });

  test('are listed with those that all have', () => {
    expect(templateParameters('app').slice(0, 4)).toEqual(['requests', 'status-label', 'duration', 'where']);
  });
});

describe('refused', () => {
  test.each<[string, TemplateParameters, RegExp]>([
    ['istoi', {}, /no template istoi; did you mean istio\?; there are app, istio, /],
    ['zzzzzzzz', {}, /^there is no template zzzzzzzz; there are app, /],
    ['constructor', {}, /no template constructor/],
    ['app', { 'status-lable': 'code' }, /no parameter status-lable; did you mean status-label\?/],
    ['app', { constructor: 'x' }, /no parameter constructor/],
    ['app', { only: ['error'] }, /no metric error; did you mean errors\?/],
    ['app', { only: [] }, /gives no metric/],
    ['app', { 'status-label': 'code="x"} or up{' }, /parameter status-label is not the name of a label/],
    ['app', { requests: '' }, /parameter requests is not the name of a metric/],
    ['app', { requests: 7 }, /parameter requests is not the name of a metric/],
    ['app', { where: 'a="b"}' }, /parameter where: unexpected/],
    ['app', { 'latency-slo': { le: 0.3, max: 0.1 } }, /latency-slo: 0.3 is not one of le: 0.1, 0.25/],
    ['::error::', {}, /no template ::error::/],
  ])('%s %j', (name, parameters, message) => {
    expect(() => expandTemplate(name, parameters)).toThrow(message);
    expect(() => expandTemplate(name, parameters)).toThrow(TemplateError);
  });

  test('T35 a name with a line break stays one line', () => {
    expect(() => expandTemplate('a\n::error::b')).toThrow(/^[^\n]+$/);
  });
});
