"""Workers that die, hang or lie; too few of them; too little time."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from k8s_histogram_eq import client as client_module
from k8s_histogram_eq import worker as worker_module
from k8s_histogram_eq.reference import equalize

from .support import FAST, GREY, cluster, image_bytes, random_image, run

DEAD = 'http://127.0.0.1:9'
BIG = image_bytes(random_image(np.random.default_rng(5), 'RGB', 500, 400))


def strange_worker(histogram):
    """A worker whose histogram is the given handler; its map is a real one's."""
    real, _ = worker_module.create(FAST)
    app = web.Application()
    app.router.add_post('/v1/histogram', histogram)
    app.router.add_post('/v1/map', real.map)
    return app


async def until(holds):
    """Wait for a condition; the test's own limit ends the wait."""
    while not holds():
        await asyncio.sleep(0.01)


def test_26_a_worker_that_dies_after_its_histogram_costs_a_retry_and_no_byte():
    async def body():
        async with cluster(2, tiles_for=lambda _pixels: 8) as it:
            calls = it.master.pool.call
            done = 0

            async def dying(path, *rest):
                nonlocal done
                if path == '/v1/map' and done == 0:
                    done = 1
                    await it.workers[0].cleanup()
                return await calls(path, *rest)
            it.master.pool.call = dying
            answer = await it.equalize(BIG)
            assert answer.body == equalize(BIG)
            assert int(answer.headers['X-Retries']) >= 1
            assert await it.metric('worker_retries_total') == int(answer.headers['X-Retries'])
    run(body())


def test_one_dead_worker_is_passed_over():
    async def body():
        async with cluster(1, extra=(DEAD,)) as it:
            for _ in range(4):
                answer = await it.equalize(BIG)
                assert answer.body == equalize(BIG)
            # It was tried first at most once in each skip time; after that the living one comes first.
            assert await it.metric('worker_retries_total') <= 4 * 4
    run(body())


@pytest.mark.parametrize('workers', [(), (DEAD,), (DEAD, 'http://127.0.0.1:7')])
def test_no_worker_left_is_503(workers):
    async def body():
        async with cluster(0, extra=workers, worker_apps=[web.Application()] if not workers else None) as it:
            answer = await it.equalize(GREY)
            assert (answer.status, answer.code, answer.headers['Retry-After']) == (503, 'no-worker', '1')
            assert (await it.get('/readyz')).status == 503
            assert (await it.get('/healthz')).status == 200
            assert await it.metric('http_requests_total{code="503",method="POST",route="/v1/equalize"}') == 1
            assert await it.metric('tiles_total{outcome="error",role="master"}') == 1
    run(body())


def test_a_slow_worker_is_left_for_another():
    over = asyncio.Event()

    async def slow(_request):
        await over.wait()

    async def body():
        apps = [strange_worker(slow), worker_module.create(FAST)[1]]
        async with cluster(worker_apps=apps, settings=replace(FAST, attempt_timeout=0.8, skip_seconds=30)) as it:
            first = await it.equalize(BIG)
            assert first.body == equalize(BIG) and int(first.headers['X-Retries']) >= 1
            # Known to be slow from now on.
            for _ in range(3):
                answer = await it.equalize(BIG)
                assert answer.body == equalize(BIG) and answer.headers['X-Retries'] == '0'
            over.set()
    run(body())


@pytest.mark.parametrize('answer', [b'', b'\0' * 1024, b'\1' * 1000, None])
def test_a_worker_that_lies_is_not_believed(answer):
    async def lie(request):
        await request.read()
        return web.Response(status=500) if answer is None else web.Response(body=answer)

    async def body():
        async with cluster(worker_apps=[strange_worker(lie), worker_module.create(FAST)[1]]) as it:
            for _ in range(3):
                assert (await it.equalize(GREY)).body == equalize(GREY)
    run(body())


def test_attempts_are_limited_and_on_different_workers_while_there_are_any():
    seen = []

    async def fail(request):
        await request.read()
        seen.append(request.host)
        return web.Response(status=500)

    async def body():
        async with cluster(worker_apps=[strange_worker(fail) for _ in range(5)]) as it:
            assert (await it.equalize(GREY)).code == 'no-worker'
            assert len(seen) == 3 and len(set(seen)) == 3
    run(body())


def test_the_only_worker_is_tried_again():
    calls = []

    async def stumble(request):
        calls.append(await request.read())
        return web.Response(status=500) if len(calls) == 1 else web.Response(body=worker_module.count(calls[-1]))

    async def body():
        apps = [strange_worker(stumble)]
        async with cluster(worker_apps=apps) as it:
            answer = await it.equalize(GREY)
            assert answer.body == equalize(GREY) and answer.headers['X-Retries'] == '1'
    run(body())


def test_the_deadline_ends_the_request():
    async def slow(_request):
        await asyncio.sleep(0.5)

    async def body():
        settings = replace(FAST, request_deadline=0.2, attempt_timeout=2)
        async with cluster(worker_apps=[strange_worker(slow)], settings=settings) as it:
            answer = await it.equalize(GREY)
            assert (answer.status, answer.code) == (504, 'deadline')
    run(body())


def test_names_are_looked_up_again_and_keep_their_addresses_when_lookup_fails(monkeypatch, caplog):
    async def body():
        addresses = [['127.0.0.1'], ['127.0.0.1', '127.0.0.2'], None]

        async def lookup(_loop, _host, port, **_options):
            found = addresses.pop(0) if addresses else None
            if found is None:
                raise OSError('no such name')
            return [(2, 1, 6, '', (address, port)) for address in found]
        monkeypatch.setattr(asyncio.get_running_loop().__class__, 'getaddrinfo', lookup)
        pool = client_module.WorkerPool(replace(FAST, workers=('dns+http://workers:81',), resolve_seconds=0.05))
        await pool.start()
        assert pool.urls == ['http://127.0.0.1:81']
        pool._endpoints['http://127.0.0.1:81'].skip_until = 42
        await until(lambda: len(pool.urls) == 2)
        assert pool.urls == ['http://127.0.0.1:81', 'http://127.0.0.2:81']
        assert pool._endpoints['http://127.0.0.1:81'].skip_until == 42
        await until(lambda: 'cannot look up workers' in caplog.text)
        assert len(pool.urls) == 2
        await pool.close()
    run(body())


def test_a_name_that_is_not_there_yet_is_looked_up_again_soon(monkeypatch):
    async def body():
        lookups = 0

        async def lookup(_loop, _host, port, **_options):
            nonlocal lookups
            lookups += 1
            if lookups == 1:
                raise OSError('no such name')
            return [(2, 1, 6, '', ('127.0.0.1', port))]
        monkeypatch.setattr(asyncio.get_running_loop().__class__, 'getaddrinfo', lookup)
        monkeypatch.setattr(client_module, 'EAGER_SECONDS', 0.05)
        pool = client_module.WorkerPool(replace(FAST, workers=('dns+http://workers:81',), resolve_seconds=60))
        await pool.start()
        assert pool.urls == []
        await until(lambda: pool.urls)
        assert (pool.urls, lookups) == (['http://127.0.0.1:81'], 2)
        await pool.close()
    run(body())


def test_real_lookup_of_localhost():
    async def body():
        pool = client_module.WorkerPool(replace(FAST, workers=('dns+http://localhost:81',)))
        await pool.start()
        assert pool.urls == ['http://127.0.0.1:81']
        await pool.close()
    run(body())


def test_many_requests_at_once():
    async def body():
        async with cluster(3) as it:
            pictures = [image_bytes(Image.new('L', (64 + n, 64), n)) for n in range(20)]
            answers = await asyncio.gather(*(it.equalize(data) for data in pictures))
            assert [answer.body for answer in answers] == [equalize(data) for data in pictures]
    run(body())
