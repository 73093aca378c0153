"""The worker: counts levels, maps levels. It knows pixels and nothing of images."""

import sys

import numpy as np
from aiohttp import web

from .reference import LEVELS, histogram
from .serving import ApiError, Service, main
from .settings import Settings

PORT = 8081
HISTOGRAM = '/v1/histogram'
MAP = '/v1/map'


class Worker(Service):
    """POST /v1/histogram: pixels -> 256 little-endian uint32. POST /v1/map: 256 table bytes + pixels -> pixels."""

    def __init__(self, settings: Settings) -> None:
        super().__init__('worker', settings, (HISTOGRAM, MAP))
        self._limit = min(settings.max_bytes, settings.max_pixels)

    async def histogram(self, request: web.Request) -> web.Response:
        return await self._tile(request, 0, count)

    async def map(self, request: web.Request) -> web.Response:
        return await self._tile(request, LEVELS, apply_table)

    async def _tile(self, request: web.Request, head: int, work) -> web.Response:
        try:
            body = await self.read(request, self._limit + head)
            if len(body) <= head:
                raise ApiError(400, 'bad-tile', f'{len(body)} bytes; at least {head + 1} are needed')
            # A tile is done in a few hundred microseconds: handing it to a thread would cost more than it frees.
            result = work(body)
        except ApiError:
            self.metrics.tile(ok=False)
            raise
        self.metrics.tile(ok=True)
        return web.Response(body=result, content_type='application/octet-stream')


def count(body: bytes) -> bytes:
    """Histogram of raw 8-bit pixels as 256 little-endian uint32."""
    return histogram(np.frombuffer(body, dtype=np.uint8)).astype('<u4').tobytes()


def apply_table(body: bytes) -> bytes:
    """Look each pixel up in the table in front of them."""
    pixels = np.frombuffer(body, dtype=np.uint8)
    return pixels[:LEVELS][pixels[LEVELS:]].tobytes()


def create(settings: Settings) -> tuple[Service, web.Application]:
    """The worker and its application."""
    worker = Worker(settings)
    app = worker.application()
    app.router.add_post(HISTOGRAM, worker.histogram)
    app.router.add_post(MAP, worker.map)
    return worker, app


if __name__ == '__main__':
    sys.exit(main(create, PORT))
