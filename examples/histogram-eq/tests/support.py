"""A master and its workers on loopback, in the loop of the test; and images to send."""

import asyncio
import io
import json
import struct
import zlib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
import numpy as np
from aiohttp import web
from PIL import Image

from k8s_histogram_eq import master as master_module
from k8s_histogram_eq import worker as worker_module
from k8s_histogram_eq.settings import Settings
from k8s_histogram_eq.tiling import tile_count

# Attempts take as long as they need: on a busy machine a short timeout would call a good worker slow.
FAST = Settings(host='127.0.0.1', port=0, revision='test', attempt_timeout=9.0, skip_seconds=0.2, drain_seconds=1.0)


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def code(self):
        return json.loads(self.body)['code']


@dataclass
class Cluster:
    """What a test holds: the address of the master, its object, and the runners of the workers."""

    url: str
    master: master_module.Master
    session: aiohttp.ClientSession
    workers: list[web.AppRunner] = field(default_factory=list)
    worker_urls: list[str] = field(default_factory=list)

    async def equalize(self, data, **options):
        return await self.send('POST', '/v1/equalize', data=data, **options)

    async def get(self, path):
        return await self.send('GET', path)

    async def send(self, method, path, base=None, **options):
        async with self.session.request(method, (base or self.url) + path, **options) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def metric(self, name):
        """The value of one series, written as in the exposition."""
        for line in (await self.get('/metrics')).body.decode().splitlines():
            if line.startswith(f'{name} '):
                return float(line.rpartition(' ')[2])
        return None


@asynccontextmanager
async def listening(app):
    """Serve an application on a free port; gives its runner and address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, '127.0.0.1', 0).start()
    try:
        yield runner, f'http://127.0.0.1:{runner.addresses[0][1]}'
    finally:
        await runner.cleanup()


@asynccontextmanager
async def cluster(workers=2, settings=FAST, tiles_for=tile_count, extra=(), worker_apps=None):
    """A master with workers: real ones, or the given applications; `extra` are further addresses."""
    async with AsyncExitStack() as stack:
        apps = worker_apps or [worker_module.create(settings)[1] for _ in range(workers)]
        served = [await stack.enter_async_context(listening(app)) for app in apps]
        urls = [url for _, url in served]
        master, app = master_module.create(replace(settings, workers=(*urls, *extra)), tiles_for)
        _, url = await stack.enter_async_context(listening(app))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Cluster(url, master, session, [runner for runner, _ in served], urls)


def run(coroutine):
    """Run one test to its end, at most 30 s."""
    async def bounded():
        async with asyncio.timeout(30):
            return await coroutine
    return asyncio.run(bounded())


def image_bytes(image, name='PNG', **options):
    out = io.BytesIO()
    image.save(out, format=name, **options)
    return out.getvalue()


def random_image(rng, mode, width, height):
    """Noise in a random range of levels, in one of the modes that PNG can hold."""
    channels = {'L': 1, 'LA': 2, 'RGB': 3, 'RGBA': 4, 'P': 1}[mode]
    low = int(rng.integers(0, 200))
    high = int(rng.integers(low + 1, 257))
    data = rng.integers(low, high, (height, width, channels)).astype(np.uint8)
    if mode == 'P':
        image = Image.new('P', (width, height))
        image.putpalette(rng.integers(0, 256, 768).astype(np.uint8).tobytes())
        image.putdata(data.reshape(-1).tolist())
        return image
    return Image.fromarray(data[:, :, 0] if channels == 1 else data)


def raw_png(width, height, depth=8, colour=0, data=b'', clear=None):
    """A PNG with a head of one's choice; the data may be missing."""
    def chunk(name, body):
        return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))
    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    key = b'' if clear is None else chunk(b'tRNS', struct.pack('>H', clear))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + key + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND', b'')


GREY = image_bytes(Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)))
