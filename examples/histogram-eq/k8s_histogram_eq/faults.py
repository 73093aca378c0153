"""Fault injection: what the FAULT_* variables ask for, applied to requests under /v1/ and to nothing else."""

import asyncio
import logging
import random
import time
from concurrent.futures import Executor

from .settings import Faults

log = logging.getLogger(__name__)


class FaultError(Exception):
    """The request that the error rate has picked."""


class FaultInjector:
    """Applies the switches to one request after the other; with a seed the picks are the same in every run."""

    def __init__(self, faults: Faults, executor: Executor) -> None:
        self._faults = faults
        self._executor = executor
        self._random = random.Random(faults.seed)
        if faults.any:
            log.warning(
                'faults are switched on: error rate %g, latency %g ms, cpu %g ms, seed %s',
                faults.error_rate, faults.latency_ms, faults.cpu_ms, faults.seed)

    async def apply(self, path: str) -> None:
        """Delay, burn or fail. Raises FaultError for the picked share of the requests."""
        if not self._faults.any or not path.startswith('/v1/'):
            return
        failing = self._random.random() < self._faults.error_rate
        if self._faults.latency_ms:
            await asyncio.sleep(self._faults.latency_ms / 1000)
        if self._faults.cpu_ms:
            # In a thread: the fault is a slow and hungry service, not one whose probes fail.
            await asyncio.get_running_loop().run_in_executor(self._executor, burn, self._faults.cpu_ms / 1000)
        if failing:
            raise FaultError


def burn(seconds: float) -> None:
    """Use that much CPU time of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
