"""Probes, metrics, limits while reading, errors as JSON, and the orderly end."""

import asyncio
import builtins
import gzip
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from k8s_histogram_eq import master as master_module
from k8s_histogram_eq import serving
from k8s_histogram_eq import worker as worker_module
from k8s_histogram_eq.metrics import Metrics
from k8s_histogram_eq.settings import Settings

from .support import FAST, GREY, cluster, listening, run


def test_every_answer_names_the_revision_and_unknown_paths_are_404():
    async def body():
        async with cluster(1) as it:
            for path, status in (('/healthz', 200), ('/readyz', 200), ('/metrics', 200), ('/nowhere', 404)):
                answer = await it.get(path)
                assert (answer.status, answer.headers['X-Revision']) == (status, 'test')
            assert (await it.get('/nowhere')).code == 'not-found'
            wrong = await it.get('/v1/equalize')
            assert (wrong.status, wrong.code, wrong.headers['Allow']) == (405, 'method', 'POST')
    run(body())


def test_errors_of_images_are_json():
    async def body():
        async with cluster(1, settings=replace(FAST, max_bytes=1000, max_pixels=64)) as it:
            for data, answer in ((b'', (400, 'bad-image')), (b'text', (415, 'format')), (b'x' * 1001, (413, 'too-large'))):
                got = await it.equalize(data)
                assert (got.status, got.code) == answer
                assert got.headers['Content-Type'].startswith('application/json')
            assert (await it.equalize(GREY)).status == 200
            zipped = await it.equalize(gzip.compress(GREY), headers={'Content-Encoding': 'gzip'})
            assert (zipped.status, zipped.code) == (415, 'format')
    run(body())


def test_a_body_without_length_is_cut_off_at_the_limit():
    async def endless():
        for _ in range(100_000):
            yield b'\0' * 1000

    async def body():
        async with cluster(1, settings=replace(FAST, max_bytes=10_000)) as it:
            try:
                answer = await it.equalize(endless())
                assert (answer.status, answer.code) == (413, 'too-large')
            except ConnectionError:
                # The answer may be lost when the server closes under the sender; what counts is what was read.
                pass
            assert await it.metric('http_requests_total{code="413",method="POST",route="/v1/equalize"}') == 1
    run(body())


def test_a_body_of_exactly_the_limit_is_taken():
    async def body():
        async with cluster(1, settings=replace(FAST, max_bytes=len(GREY))) as it:
            assert (await it.equalize(GREY)).status == 200
            assert (await it.equalize(GREY + b'\0')).status == 413
    run(body())


def test_the_worker_checks_its_tiles():
    async def body():
        async with cluster(1, settings=replace(FAST, max_bytes=1000)) as it:
            base = it.worker_urls[0]
            for path, data, status in (
                    ('/v1/histogram', b'', 400), ('/v1/histogram', b'\1' * 1000, 200), ('/v1/histogram', b'\1' * 1001, 413),
                    ('/v1/map', b'\0' * 256, 400), ('/v1/map', b'\0' * 1256, 200), ('/v1/map', b'\0' * 1257, 413)):
                assert (await it.send('POST', path, base, data=data)).status == status, (path, len(data))
            counts = await it.send('POST', '/v1/histogram', base, data=b'\0\1\1')
            assert counts.body[:12] == b'\1\0\0\0\2\0\0\0\0\0\0\0'
            mapped = await it.send('POST', '/v1/map', base, data=bytes(range(255, -1, -1)) + b'\0\1\377')
            assert mapped.body == b'\377\376\0'
            text = (await it.send('GET', '/metrics', base)).body.decode()
            assert 'tiles_total{outcome="error",role="worker"} 4.0' in text
    run(body())


def test_series_exist_from_the_start():
    async def body():
        async with cluster(1) as it:
            text = (await it.get('/metrics')).body.decode()
            for series in (
                    'http_requests_total{code="200",method="POST",route="/v1/equalize"} 0.0',
                    'http_requests_total{code="500",method="POST",route="/v1/equalize"} 0.0',
                    'http_request_duration_seconds_bucket{le="0.5",route="/v1/equalize"} 0.0',
                    'tiles_total{outcome="ok",role="master"} 0.0',
                    'worker_retries_total 0.0',
                    'build_info{revision="test"} 1.0',
                    'process_cpu_seconds_total ',
                    'process_start_time_seconds '):
                assert f'\n{series}' in text
            assert '_created' not in text
    run(body())


def test_strangers_cannot_add_series():
    async def body():
        async with cluster(1) as it:
            async def count():
                return len((await it.get('/metrics')).body.splitlines())
            await it.send('PROPFIND', '/a')
            await it.get('/metrics')
            before = await count()
            for number in range(30):
                await it.send(('LOCK', 'MKCOL', 'PROPFIND')[number % 3], f'/path/{number}', headers={'X-Revision': str(number)})
            assert await count() == before
            assert await it.metric('http_requests_total{code="404",method="other",route="other"}') == 31
    run(body())


def test_29_the_cpu_series_needs_no_proc(monkeypatch):
    real = builtins.open

    def bare(file, *rest, **options):
        if str(file).startswith('/proc'):
            raise FileNotFoundError(file)
        return real(file, *rest, **options)
    monkeypatch.setattr(builtins, 'open', bare)
    assert b'\nprocess_cpu_seconds_total ' in Metrics('master', 'r', ('/v1/x',)).text()


def test_28_a_slow_decode_leaves_the_probes_alone(monkeypatch):
    order = []
    go_on = threading.Event()
    real = master_module.decode

    def slow(*arguments):
        assert go_on.wait(10)
        order.append('decoded')
        return real(*arguments)
    monkeypatch.setattr(master_module, 'decode', slow)

    async def body():
        async with cluster(1) as it:
            request = asyncio.create_task(it.equalize(GREY))
            await asyncio.sleep(0.05)
            assert (await it.get('/healthz')).status == 200
            order.append('healthz')
            go_on.set()
            assert (await request).status == 200
    run(body())
    assert order == ['healthz', 'decoded']


def test_an_unexpected_error_is_500_and_logged(monkeypatch, caplog):
    def broken(*_arguments):
        raise RuntimeError('broken')
    monkeypatch.setattr(master_module, 'table', broken)

    async def body():
        async with cluster(1) as it:
            answer = await it.equalize(GREY)
            assert (answer.status, answer.code) == (500, 'internal')
            assert b'broken' not in answer.body
    run(body())
    assert 'RuntimeError: broken' in caplog.text


def test_an_unexpected_error_in_one_tile_is_500(monkeypatch):
    def broken(*_arguments):
        raise RuntimeError('broken')
    monkeypatch.setattr(master_module, 'is_histogram_of', broken)

    async def body():
        async with cluster(1) as it:
            assert (await it.equalize(GREY)).code == 'internal'
    run(body())


def test_draining_waits_for_requests_and_says_not_ready():
    async def body():
        async with cluster(1) as it:
            pool_call = it.master.pool.call
            go_on = asyncio.Event()

            async def held(*arguments):
                await go_on.wait()
                return await pool_call(*arguments)
            it.master.pool.call = held
            request = asyncio.create_task(it.equalize(GREY))
            await asyncio.sleep(0.05)
            drain = asyncio.create_task(it.master.drain())
            await asyncio.sleep(0.05)
            ready = await it.get('/readyz')
            assert (ready.status, ready.code, ready.headers['Connection']) == (503, 'shutting-down', 'close')
            assert not drain.done()
            go_on.set()
            assert (await request).status == 200
            await drain
    run(body())


def test_draining_ends_requests_that_take_too_long():
    async def body():
        async with cluster(1, settings=replace(FAST, drain_seconds=0.1)) as it:
            async def stuck(*_arguments):
                await asyncio.sleep(60)
            it.master.pool.call = stuck
            request = asyncio.create_task(it.equalize(GREY))
            await asyncio.sleep(0.05)
            await it.master.drain()
            assert isinstance((await asyncio.gather(request, return_exceptions=True))[0], Exception)
    run(body())


def test_serve_ends_on_sigterm():
    async def body():
        service, app = worker_module.create(FAST)
        ports = []

        def started(port):
            ports.append(port)
            os.kill(os.getpid(), signal.SIGTERM)
        await serving.serve(service, app, started)
        assert ports[0] > 0 and service.draining
    run(body())


def test_settings_that_make_no_sense_end_the_start(monkeypatch, caplog):
    monkeypatch.setenv('PORT', 'eighty')
    with caplog.at_level(logging.ERROR):
        assert serving.main(worker_module.create, 8081) == 2
    assert 'PORT: "eighty" is not a whole number' in caplog.text


def test_main_serves_with_the_settings_of_the_environment(monkeypatch):
    seen = []

    async def served(service, _app):
        seen.append(service.settings)
        service.executor.shutdown()
    monkeypatch.setattr(serving, 'serve', served)
    monkeypatch.setenv('REVISION', 'abc')
    assert serving.main(worker_module.create, 8081) == 0
    assert isinstance(seen[0], Settings) and (seen[0].revision, seen[0].port) == ('abc', 8081)


def start(role, **env):
    """A role as its own process; gives it and its address, read from its log."""
    child = subprocess.Popen(
        [sys.executable, '-m', f'k8s_histogram_eq.{role}'], stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'HOST': '127.0.0.1', 'PORT': '0', **env})
    for line in child.stderr:
        if 'listening on' in line:
            return child, 'http://' + line.split('listening on ')[1].split(',')[0]
    raise AssertionError('did not start')


def test_processes_end_with_0_and_finish_the_request_under_way():
    worker, worker_url = start('worker', FAULT_LATENCY_MS='300')
    master, url = start('master', WORKERS=worker_url, REVISION='r1')
    try:
        answers = []

        def send():
            with urllib.request.urlopen(urllib.request.Request(f'{url}/v1/equalize', data=GREY)) as response:
                answers.append((response.status, response.headers['X-Revision']))
        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.25)
        master.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        with pytest.raises(urllib.error.HTTPError) as ready:
            urllib.request.urlopen(f'{url}/readyz')
        assert ready.value.code == 503
        thread.join(10)
        assert answers == [(200, 'r1')]
        assert master.wait(10) == 0
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    finally:
        for child in (master, worker):
            child.kill()
            child.wait()
            child.stderr.close()


def test_the_application_of_a_role_can_be_served_twice_in_one_process():
    async def body():
        for _ in range(2):
            async with listening(worker_module.create(FAST)[1]) as (_, url):
                assert url.startswith('http://127.0.0.1:')
    run(body())
