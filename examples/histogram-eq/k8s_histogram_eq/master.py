"""The master: one image in, one PNG out; the work in between is done by the workers."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable

import numpy as np
from aiohttp import web

from .budget import Budget
from .client import NoWorkerError, Tally, WorkerPool
from .codec import ImageError, Limits, decode, encode, inspect
from .reference import LEVELS, table
from .serving import ApiError, Service, main
from .settings import Settings
from .tiling import bands, merge, tile_count
from .worker import HISTOGRAM, MAP

PORT = 8080
EQUALIZE = '/v1/equalize'


class Master(Service):
    """POST /v1/equalize. `tiles_for` says into how many tiles an image of so many pixels is cut."""

    def __init__(self, settings: Settings, tiles_for: Callable[[int], int] = tile_count) -> None:
        super().__init__('master', settings, (EQUALIZE,))
        self.pool = WorkerPool(settings, self.metrics.retries.inc)
        self._limits = Limits(settings.max_bytes, settings.max_pixels)
        self._tiles_for = tiles_for
        self._budget = Budget(settings.max_pixels)

    async def is_ready(self) -> bool:
        return await self.pool.ready()

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        await self.pool.start()
        async for _ in super().lifetime(app):
            yield
        await self.pool.close()

    async def equalize(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(self.settings.request_deadline):
                data = await self.read(request, self.settings.max_bytes)
                loop = asyncio.get_running_loop()
                async with self._budget.take(await loop.run_in_executor(self.executor, inspect, data, self._limits)):
                    return await self._equalize(data)
        except TimeoutError:
            raise ApiError(504, 'deadline', f'not done within {self.settings.request_deadline:g} s') from None
        except ImageError as error:
            raise ApiError(error.status, error.code, str(error)) from error

    async def _equalize(self, data: bytes) -> web.Response:
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(self.executor, decode, data, self._limits)
        height, width = picture.luma.shape
        pixels = np.ascontiguousarray(picture.luma).reshape(-1)
        tiles = [pixels[start:stop].tobytes() for start, stop in bands(height, width, self._tiles_for(pixels.size))]
        tally = Tally()
        counts = await self._fan_out(HISTOGRAM, tiles, is_histogram_of, tally)
        lookup = table(merge([np.frombuffer(answer, dtype='<u4') for answer in counts])).tobytes()
        mapped = await self._fan_out(MAP, [lookup + tile for tile in tiles], is_map_of, tally)
        luma = np.frombuffer(b''.join(mapped), dtype=np.uint8).reshape(height, width)
        body = await loop.run_in_executor(self.executor, encode, picture, luma)
        return web.Response(body=body, content_type='image/png', headers={
            'X-Tiles': str(len(tiles)), 'X-Workers': str(len(tally.workers)), 'X-Retries': str(tally.retries)})

    async def _fan_out(
            self, path: str, bodies: list[bytes], check: Callable[[bytes, bytes], bool], tally: Tally) -> list[bytes]:
        async def one(body: bytes) -> bytes:
            try:
                answer = await self.pool.call(path, body, lambda answer: check(body, answer), tally)
            except NoWorkerError:
                self.metrics.tile(ok=False)
                raise
            self.metrics.tile(ok=True)
            return answer

        try:
            # A group, not gather: the first tile that cannot be done ends the others.
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(body)) for body in bodies]
        except ExceptionGroup as errors:
            # Not `except*`: what is raised inside one comes out wrapped in a group again.
            lost = errors.subgroup(NoWorkerError)
            if lost is None:
                raise
            raise ApiError(503, 'no-worker', str(lost.exceptions[0]), {'Retry-After': '1'}) from errors
        return [task.result() for task in tasks]


def is_histogram_of(tile: bytes, answer: bytes) -> bool:
    """Whether the answer can be the histogram of the tile: its size, and every pixel counted once."""
    return len(answer) == 4 * LEVELS and int(np.frombuffer(answer, dtype='<u4').sum(dtype=np.int64)) == len(tile)


def is_map_of(body: bytes, answer: bytes) -> bool:
    """Whether the answer has one pixel for each of the tile's."""
    return len(answer) == len(body) - LEVELS


def create(settings: Settings, tiles_for: Callable[[int], int] = tile_count) -> tuple[Service, web.Application]:
    """The master and its application."""
    master = Master(settings, tiles_for)
    app = master.application()
    app.router.add_post(EQUALIZE, master.equalize)
    return master, app


if __name__ == '__main__':
    sys.exit(main(create, PORT))
