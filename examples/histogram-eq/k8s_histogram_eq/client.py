"""The master's side of the workers: who they are, who is tried next, and what happens when one fails."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from .settings import Settings

log = logging.getLogger(__name__)

READY_SECONDS = 1.0
# Between lookups while no worker is known: master and workers start together, and the first answer is often "no such name".
EAGER_SECONDS = 0.25


class NoWorkerError(Exception):
    """No worker could do the tile."""


@dataclass
class Endpoint:
    """One worker: how many calls are under way, and until when others are preferred."""

    url: str
    skip_until: float = 0.0
    active: int = 0


@dataclass
class Tally:
    """What one request has used."""

    workers: set[str] = field(default_factory=set)
    retries: int = 0


class WorkerPool:
    """Calls workers. Both calls are pure functions of their bytes, so a retry elsewhere is always safe."""

    def __init__(self, settings: Settings, on_retry: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._on_retry = on_retry
        self._endpoints: dict[str, Endpoint] = {}
        self._resolver: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._turn = 0

    @property
    def urls(self) -> list[str]:
        return sorted(self._endpoints)

    async def start(self) -> None:
        """Look the workers up, and keep looking where a name stands for several addresses."""
        # Idle connections go before the worker's own 75 s are over, so that none is closed under a request.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15))
        await self.resolve()
        if any(worker.startswith('dns+') for worker in self._settings.workers):
            self._resolver = asyncio.create_task(self._resolve_forever())

    async def close(self) -> None:
        """End the lookups and the connections."""
        if self._resolver is not None:
            self._resolver.cancel()
            await asyncio.gather(self._resolver, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def resolve(self) -> None:
        """Replace the list of workers; who stays keeps its state. A name that does not resolve keeps its addresses."""
        wanted: dict[str, None] = {}
        for worker in self._settings.workers:
            if not worker.startswith('dns+'):
                wanted[worker.rstrip('/')] = None
                continue
            parts = urlsplit(worker)
            try:
                found = await asyncio.get_running_loop().getaddrinfo(
                    parts.hostname, parts.port, family=socket.AF_INET, type=socket.SOCK_STREAM)
            except OSError as error:
                log.warning('cannot look up %s: %s', parts.hostname, error)
                return
            wanted.update((f'http://{address[0]}:{address[1]}', None) for *_, address in found)
        self._endpoints = {url: self._endpoints.get(url) or Endpoint(url) for url in wanted}

    async def ready(self) -> bool:
        """Whether at least one worker says that it is ready; the first one that does decides."""
        probes = [asyncio.create_task(self._probe(url)) for url in self._endpoints]
        try:
            for probe in asyncio.as_completed(probes):
                if await probe:
                    return True
            return False
        finally:
            for probe in probes:
                probe.cancel()

    async def call(self, path: str, body: bytes, check: Callable[[bytes], bool], tally: Tally) -> bytes:
        """Have one tile done: up to `attempts` times, each at most attempt_timeout seconds. Raises NoWorkerError."""
        tried: set[str] = set()
        why = 'no worker is known'
        for attempt in range(self._settings.attempts):
            endpoint = self._choose(tried)
            if endpoint is None:
                break
            if attempt > 0:
                tally.retries += 1
                self._on_retry()
            tried.add(endpoint.url)
            endpoint.active += 1
            try:
                async with asyncio.timeout(self._settings.attempt_timeout):
                    async with self._session.post(endpoint.url + path, data=body) as response:
                        answer = await response.read()
                if response.status == 200 and check(answer):
                    tally.workers.add(endpoint.url)
                    return answer
                why = f'{endpoint.url} answered {response.status}'
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                why = f'{endpoint.url}: {type(error).__name__}'
                endpoint.skip_until = time.monotonic() + self._settings.skip_seconds
            finally:
                endpoint.active -= 1
        raise NoWorkerError(why)

    def _choose(self, tried: set[str]) -> Endpoint | None:
        # Another worker for every attempt, as long as there is one; fewest calls under way, in turn among equals. One that
        # just failed comes last instead of never: when all have failed once, trying is better than refusing.
        now = time.monotonic()
        left = [endpoint for url, endpoint in self._endpoints.items() if url not in tried] or [*self._endpoints.values()]
        if not left:
            return None
        self._turn += 1
        start = self._turn % len(left)
        return min(left[start:] + left[:start], key=lambda e: (e.skip_until > now, e.active))

    async def _probe(self, url: str) -> bool:
        try:
            async with asyncio.timeout(READY_SECONDS):
                async with self._session.get(f'{url}/readyz') as response:
                    return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _resolve_forever(self) -> None:
        while True:
            pause = self._settings.resolve_seconds
            await asyncio.sleep(pause if self._endpoints else min(pause, EAGER_SECONDS))
            await self.resolve()
