"""What master and worker have in common: probes, metrics, errors as JSON, limits while reading, and an orderly end."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from .faults import FaultError, FaultInjector
from .metrics import CONTENT_TYPE, Metrics
from .settings import Settings, SettingsError, read_settings

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiError(Exception):
    """An answer other than 200, as {"code", "message"}."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def response(self) -> web.Response:
        return web.json_response({'code': self.code, 'message': str(self)}, status=self.status, headers=self.headers)


class Service:
    """One role: its routes plus everything around them."""

    def __init__(self, role: str, settings: Settings, routes: tuple[str, ...]) -> None:
        self.settings = settings
        self.metrics = Metrics(role, settings.revision, routes)
        # Decoding releases the interpreter lock for the most part; the loop stays free to answer probes.
        self.executor = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2))
        self.draining = False
        self._active: set[asyncio.Task[object]] = set()
        self._faults = FaultInjector(settings.faults, self.executor)

    async def is_ready(self) -> bool:
        """Whether the role itself can work (the master asks its workers)."""
        return True

    async def lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        """Hold what lives as long as the application."""
        yield
        self.executor.shutdown(wait=False, cancel_futures=True)

    def application(self) -> web.Application:
        """The application, with the probes; the role adds its own routes."""
        app = web.Application(middlewares=[self._observe, self._answer])
        app.cleanup_ctx.append(self.lifetime)
        app.router.add_get('/healthz', self._healthz)
        app.router.add_get('/readyz', self._readyz)
        app.router.add_get('/metrics', self._metrics)
        return app

    async def read(self, request: web.Request, limit: int) -> bytes:
        """Read the body, never more than the limit. Raises ApiError 413, or 415 for a compressed body."""
        if request.headers.get('Content-Encoding', 'identity').lower() != 'identity':
            raise ApiError(415, 'format', 'send the image as it is, without Content-Encoding')
        too_large = ApiError(413, 'too-large', f'more than {limit} bytes', {'Connection': 'close'})
        if (request.content_length or 0) > limit:
            raise too_large
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise too_large
        return bytes(body)

    async def drain(self) -> None:
        """Let requests under way end, for at most drain_seconds; then cancel what is left."""
        self.draining = True
        end = time.monotonic() + self.settings.drain_seconds
        while self._active and time.monotonic() < end:
            await asyncio.wait(set(self._active), timeout=end - time.monotonic())
        for task in self._active:
            task.cancel()

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        start = time.perf_counter()
        code = 500
        task = asyncio.current_task()
        counts = task is not None and request.path.startswith('/v1/')
        if counts:
            self._active.add(task)
        try:
            response = await handler(request)
            code = response.status
            response.headers['X-Revision'] = self.settings.revision
            if self.draining:
                # Whoever keeps the connection would send its next request to a closed door.
                response.force_close()
            return response
        finally:
            if counts:
                self._active.discard(task)
            self.metrics.request(code, request.method, request.path, time.perf_counter() - start)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            await self._faults.apply(request.path)
            return await handler(request)
        except ApiError as error:
            return error.response()
        except FaultError:
            return ApiError(500, 'fault', 'this answer was asked for by FAULT_ERROR_RATE').response()
        except web.HTTPException as error:
            code = {404: 'not-found', 405: 'method'}.get(error.status, 'http')
            allow = {'Allow': error.headers['Allow']} if 'Allow' in error.headers else {}
            return ApiError(error.status, code, error.reason, allow).response()
        except Exception:
            log.exception('%s %s', request.method, request.path)
            return ApiError(500, 'internal', 'unexpected error; the log has it').response()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text='ok\n')

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self.draining:
            raise ApiError(503, 'shutting-down', 'no new requests, please')
        if not await self.is_ready():
            raise ApiError(503, 'no-worker', 'no worker is ready')
        return web.Response(text='ok\n')

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.metrics.text(), headers={'Content-Type': CONTENT_TYPE})


async def serve(service: Service, app: web.Application, started: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, service.settings.host, service.settings.port, backlog=1024)
        await site.start()
        port = runner.addresses[0][1]
        log.info('listening on %s:%d, revision %s', service.settings.host, port, service.settings.revision)
        if started is not None:
            started(port)
        await stop.wait()
        log.info('stopping')
        # The listener stays open while draining: /readyz must be able to say 503.
        await service.drain()
    finally:
        await runner.cleanup()


def main(role: Callable[[Settings], tuple[Service, web.Application]], default_port: int) -> int:
    """Entry point of a role. Returns the exit code: 0 after an orderly end, 2 for settings that make no sense."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format='%(asctime)s %(levelname)s %(name)s %(message)s')
    try:
        settings = read_settings(os.environ, default_port)
    except SettingsError as error:
        log.error('%s', error)
        return 2
    service, app = role(settings)
    asyncio.run(serve(service, app))
    return 0
