"""The switches do what they say, to /v1/ alone, and the same with the same seed."""

import time
from dataclasses import replace

from k8s_histogram_eq.faults import burn
from k8s_histogram_eq.settings import Faults

from .support import FAST, GREY, cluster, run


def switched(**faults):
    return replace(FAST, faults=Faults(**faults), attempt_timeout=2)


async def codes(settings, count):
    async with cluster(1, settings=FAST) as plain, cluster(0, settings, extra=tuple(plain.worker_urls)) as it:
        return [(await it.equalize(GREY)).status for _ in range(count)]


def test_error_rate_and_seed():
    first = run(codes(switched(error_rate=0.3, seed=7), 40))
    assert 4 <= first.count(500) <= 20 and set(first) == {200, 500}
    assert run(codes(switched(error_rate=0.3, seed=7), 40)) == first
    assert run(codes(switched(error_rate=0.3, seed=8), 40)) != first


def test_probes_are_never_touched(caplog):
    async def body():
        async with cluster(1, settings=switched(error_rate=1, latency_ms=30_000)) as it:
            for path in ('/healthz', '/readyz', '/metrics'):
                assert (await it.get(path)).status == 200
    run(body())
    assert 'faults are switched on: error rate 1' in caplog.text


def test_every_request_fails_at_rate_1_with_its_own_code():
    async def body():
        async with cluster(1, settings=switched(error_rate=1)) as it:
            assert (await it.equalize(GREY)).code == 'fault'
    run(body())


def test_latency_is_added():
    start = time.monotonic()
    assert run(codes(switched(latency_ms=120), 2)) == [200, 200]
    assert time.monotonic() - start >= 0.24


def test_cpu_is_burnt():
    start = time.process_time()
    assert run(codes(switched(cpu_ms=60), 2)) == [200, 200]
    assert time.process_time() - start >= 0.12


def test_burn_uses_cpu_and_not_only_time():
    start = time.thread_time()
    burn(0.02)
    assert time.thread_time() - start >= 0.02


def test_nothing_is_logged_without_faults(caplog):
    assert run(codes(FAST, 1)) == [200]
    assert 'faults' not in caplog.text
