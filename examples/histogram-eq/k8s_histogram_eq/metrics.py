"""Prometheus metrics with bounded labels. Every series that can be counted exists from the start, with 0."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily

# The text format of Prometheus, whatever newer one the library would rather speak.
CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
METHODS = frozenset({'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'})
OTHER = 'other'
PROBES = ('/healthz', '/readyz', '/metrics')
ERROR_CODES = (400, 413, 415, 500, 503, 504)


class CpuCollector:
    """CPU seconds of this process, from its own clock.

    The library's collector reads /proc and is silently absent where there is none (a bare chroot).
    """

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily('process_cpu_seconds_total', 'CPU time of the process, user and system, in seconds')
        family.add_metric([], time.process_time())
        yield family


class Metrics:
    """All metrics of one process."""

    def __init__(self, role: str, revision: str, routes: Iterable[str]) -> None:
        self._routes = frozenset((*routes, *PROBES))
        self._registry = CollectorRegistry()
        self._registry.register(CpuCollector())
        self.requests = Counter(
            'http_requests_total', 'Requests answered', ['code', 'method', 'route'], registry=self._registry)
        self.duration = Histogram(
            'http_request_duration_seconds', 'Time to answer', ['route'], registry=self._registry)
        self.tiles = Counter('tiles_total', 'Tiles worked on', ['role', 'outcome'], registry=self._registry)
        self.retries = Counter('worker_retries_total', 'Attempts after the first, on another worker', registry=self._registry)
        started = Gauge('process_start_time_seconds', 'Start of the process, unix seconds', registry=self._registry)
        started.set(time.time())
        Gauge('build_info', 'Always 1; the label says what runs', ['revision'], registry=self._registry).labels(revision).set(1)
        for outcome in ('ok', 'error'):
            self.tiles.labels(role, outcome)
        for route in routes:
            for code in (200, *ERROR_CODES):
                self.requests.labels(str(code), 'POST', route)
            self.duration.labels(route)
        self._role = role

    def route(self, path: str) -> str:
        """The label for a path: the path itself when we serve it, else `other`, so that strangers cannot add series."""
        return path if path in self._routes else OTHER

    def request(self, code: int, method: str, path: str, seconds: float) -> None:
        """Count one answered request."""
        route = self.route(path)
        self.requests.labels(str(code), method if method in METHODS else OTHER, route).inc()
        self.duration.labels(route).observe(seconds)

    def tile(self, ok: bool) -> None:
        """Count one tile worked on (worker) or one tile done by some worker (master)."""
        self.tiles.labels(self._role, 'ok' if ok else 'error').inc()

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self._registry)
