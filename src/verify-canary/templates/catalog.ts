/**
 * The templates, as data. Names of series and labels are those of the projects' own documentation; a bound stands there
 * only when the project's default buckets have it.
 *
 * The matchers of stable and canary come from the inputs and are put into every selector, so all series of one
 * template must carry the labels that they name.
 */
import type { Template } from './types.ts';

const NONE = {};

export const TEMPLATES: Readonly<Record<string, Template>> = {
  app: {
    about: 'counters and a histogram of the service itself, labelled with the status code',
    parameters: {
      requests: { default: 'http_requests_total', form: 'metric' },
      'status-label': { default: 'code', form: 'label' },
      duration: { default: 'http_request_duration_seconds', form: 'optional-metric' },
    },
    unit: 's',
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        events: '{{requests}}{{{status-label}}=~"5.."}',
        total: '{{requests}}',
        weight: 4,
      },
      { name: 'latency', kind: 'latency', histogram: '{{duration}}', le: [0.1, 0.25, 0.5, 1, 2.5], weight: 3 },
    ],
  },
  istio: {
    about: 'Istio, as the sidecar of the service reports; code 0 is a connection that was cut',
    parameters: NONE,
    unit: 'ms',
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        events: 'istio_requests_total{reporter="destination",response_code=~"5..|0"}',
        total: 'istio_requests_total{reporter="destination"}',
        weight: 4,
      },
      {
        name: 'latency',
        kind: 'latency',
        histogram: 'istio_request_duration_milliseconds{reporter="destination"}',
        le: [50, 100, 250, 500, 1000],
        weight: 3,
      },
    ],
  },
  nginx: {
    about: 'ingress-nginx with a canary ingress: the label canary is empty for stable',
    parameters: NONE,
    unit: 's',
    arms: { stable: 'canary=""', canary: 'canary!=""' },
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        events: 'nginx_ingress_controller_requests{status=~"5.."}',
        total: 'nginx_ingress_controller_requests',
        weight: 4,
      },
      {
        name: 'latency',
        kind: 'latency',
        histogram: 'nginx_ingress_controller_request_duration_seconds',
        le: [0.1, 0.25, 0.5, 1, 2.5],
        weight: 3,
      },
    ],
  },
  'envoy-gateway': {
    about: 'Envoy Gateway; the versions must be clusters of their own, told apart by envoy_cluster_name',
    parameters: NONE,
    unit: 'ms',
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        events: 'envoy_cluster_upstream_rq_xx{envoy_response_code_class="5"}',
        total: 'envoy_cluster_upstream_rq_completed',
        weight: 4,
      },
      {
        name: 'latency',
        kind: 'latency',
        histogram: 'envoy_cluster_upstream_rq_time',
        le: [50, 100, 250, 500, 1000],
        weight: 3,
      },
    ],
  },
  linkerd: {
    about: 'Linkerd, as the proxy of the service reports',
    parameters: NONE,
    unit: 'ms',
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        events: 'response_total{direction="inbound",classification="failure"}',
        total: 'response_total{direction="inbound"}',
        weight: 4,
      },
      {
        name: 'latency',
        kind: 'latency',
        histogram: 'response_latency_ms{direction="inbound"}',
        le: [50, 100, 300, 500, 1000],
        weight: 3,
      },
    ],
  },
  traefik: {
    about: 'Traefik; the versions are services of their own, told apart by the label service',
    parameters: NONE,
    unit: 's',
    metrics: [
      {
        name: 'errors',
        kind: 'ratio',
        events: 'traefik_service_request_duration_seconds_count{code=~"5.."}',
        total: 'traefik_service_request_duration_seconds_count',
        weight: 4,
      },
      {
        name: 'latency',
        kind: 'latency',
        histogram: 'traefik_service_request_duration_seconds',
        le: [0.1, 0.3, 1.2],
        weight: 3,
      },
    ],
  },
  kubernetes: {
    about: 'guards from the kubelet and kube-state-metrics: throttled CPU periods, restarts and OOM kills',
    parameters: { requests: { default: 'http_requests_total', form: 'metric' } },
    unit: 's',
    // A healthy service has none of these, which shows no ratio: they can fail a canary, but no pass waits for them.
    metrics: [
      {
        name: 'throttling',
        kind: 'ratio',
        events: 'container_cpu_cfs_throttled_periods_total{container!=""}',
        total: 'container_cpu_cfs_periods_total{container!=""}',
        // Throttled periods come in a row: one busy second makes ten of them.
        phi: 4,
        pass: 'none',
        fail: { floor: 0.01 },
      },
      {
        name: 'restarts',
        kind: 'ratio',
        events: 'kube_pod_container_status_restarts_total',
        total: '{{requests}}',
        pass: 'none',
        // So rare beside requests that no share of them would ever be large.
        fail: { floor: 0 },
      },
      {
        name: 'oom',
        kind: 'ratio',
        events: 'container_oom_events_total{container!=""}',
        total: '{{requests}}',
        pass: 'none',
        fail: { floor: 0 },
      },
    ],
  },
  queue: {
    about: 'workers of a queue: what is exposed is a job that is done, well or not',
    parameters: {
      done: { default: 'jobs_done_total', form: 'metric' },
      failed: { default: 'jobs_failed_total', form: 'metric' },
      duration: { default: '', form: 'optional-metric' },
    },
    unit: 's',
    metrics: [
      { name: 'failures', kind: 'ratio', events: '{{failed}}', total: '{{done}}', weight: 4 },
      { name: 'duration', kind: 'latency', histogram: '{{duration}}', le: [1, 2.5, 5, 10], weight: 3 },
    ],
  },
};
