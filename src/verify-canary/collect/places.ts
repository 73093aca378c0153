/** Where a namespace and an application stand in the labels of each kind of series: as data, in order of preference. */
import type { Labels } from './selector.ts';

export interface Place {
  template: string;
  /** What the template counts, in words. */
  words: string;
  /** Counter of requests; the first one that exists. */
  counters: readonly string[];
  /** Matchers that always hold. */
  always: string;
  namespace: readonly string[];
  app: readonly string[];
  /** Labels with the status of a request; the first one that exists. */
  status: readonly string[];
  /** Name of the histogram that goes with the counter. */
  histogram(counter: string): readonly string[];
  /** One label that has both, instead of `namespace` and `app`. */
  joined?: { label: string; pattern(namespace: string, app: string): string };
}

const STATUS = ['code', 'status', 'status_code', 'http_response_status_code'] as const;
const NAMESPACES = ['namespace', 'kubernetes_namespace', 'exported_namespace'] as const;
const quoted = (text: string): string => text.replace(/[^A-Za-z0-9_-]/g, '\\$&');

export const PLACES: readonly Place[] = [
  {
    template: 'istio',
    words: 'Istio (istio_requests_total)',
    counters: ['istio_requests_total'],
    always: 'reporter="destination"',
    namespace: ['destination_workload_namespace', 'destination_service_namespace'],
    app: ['destination_app', 'destination_canonical_service', 'destination_service_name', 'destination_workload'],
    status: ['response_code'],
    histogram: () => ['istio_request_duration_milliseconds'],
  },
  {
    template: 'linkerd',
    words: 'Linkerd (response_total)',
    counters: ['response_total'],
    always: 'direction="inbound"',
    namespace: ['namespace'],
    app: ['app', 'deployment', 'workload_name', 'pod'],
    status: ['classification'],
    histogram: () => ['response_latency_ms'],
  },
  {
    template: 'app',
    words: 'the service itself (http_requests_total, http_server_request_duration_seconds)',
    counters: [
      'http_requests_total',
      'http_server_request_duration_seconds_count',
      'http_server_requests_seconds_count',
      'http_request_duration_seconds_count',
    ],
    always: '',
    namespace: NAMESPACES,
    app: ['app', 'app_kubernetes_io_name', 'service', 'job', 'container', 'deployment', 'pod'],
    status: STATUS,
    histogram: (counter) =>
      counter.endsWith('_count')
        ? [counter.slice(0, -'_count'.length)]
        : ['http_request_duration_seconds', 'http_server_request_duration_seconds'],
  },
  {
    template: 'nginx',
    words: 'ingress-nginx (nginx_ingress_controller_requests)',
    counters: ['nginx_ingress_controller_requests'],
    always: '',
    namespace: ['exported_namespace', 'namespace'],
    app: ['ingress', 'exported_service', 'service'],
    status: ['status'],
    histogram: () => ['nginx_ingress_controller_request_duration_seconds'],
  },
  {
    template: 'traefik',
    words: 'Traefik (traefik_service_request_duration_seconds)',
    counters: ['traefik_service_request_duration_seconds_count'],
    always: '',
    namespace: [],
    app: [],
    status: ['code'],
    histogram: () => ['traefik_service_request_duration_seconds'],
    joined: { label: 'service', pattern: (ns, app) => `${quoted(ns)}-${quoted(app)}(-.*)?@.*` },
  },
  {
    template: 'envoy-gateway',
    words: 'Envoy Gateway (envoy_cluster_upstream_rq_completed)',
    counters: ['envoy_cluster_upstream_rq_completed'],
    always: '',
    namespace: [],
    app: [],
    status: [],
    histogram: () => ['envoy_cluster_upstream_rq_time'],
    joined: {
      label: 'envoy_cluster_name',
      pattern: (ns, app) => `httproute/${quoted(ns)}/${quoted(app)}(-.*)?/rule/.*`,
    },
  },
];

/** True when the label names the application, or a part of it such as `shop-canary`. */
export function names(labels: Labels, label: string, app: string): boolean {
  const value = labels[label];
  return value === app || value?.startsWith(`${app}-`) === true;
}
