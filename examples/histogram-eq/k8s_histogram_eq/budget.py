"""A bound on what is in memory at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Pixels of all images under way: together never more than the largest single image that is taken.

    Without it, a few large images at once would be the end of the process, and of everybody else's request in it.
    """

    def __init__(self, total: int) -> None:
        self._free = total
        self._queue = asyncio.Lock()
        self._given_back = asyncio.Event()

    @asynccontextmanager
    async def take(self, amount: int) -> AsyncIterator[None]:
        """Hold that much; waits until it is free, first come, first served, so that small ones do not starve a large one."""
        async with self._queue:
            while self._free < amount:
                self._given_back.clear()
                await self._given_back.wait()
            self._free -= amount
        try:
            yield
        finally:
            self._free += amount
            self._given_back.set()
