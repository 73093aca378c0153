"""Settings: the environment, read and checked once at start."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MIB = 1024 * 1024


class SettingsError(ValueError):
    """A setting that the service cannot start with; the text names the variable."""


@dataclass(frozen=True)
class Faults:
    """Deliberate misbehaviour, to see that the delivery notices it. Off unless the environment asks for it."""

    error_rate: float = 0.0
    latency_ms: float = 0.0
    cpu_ms: float = 0.0
    seed: int | None = None

    @property
    def any(self) -> bool:
        return self.error_rate > 0 or self.latency_ms > 0 or self.cpu_ms > 0


@dataclass(frozen=True)
class Settings:
    """What both roles are told. Seconds unless the name says otherwise."""

    host: str = '0.0.0.0'
    port: int = 8080
    workers: tuple[str, ...] = ()
    max_bytes: int = 20 * MIB
    max_pixels: int = 40_000_000
    request_deadline: float = 10.0
    revision: str = 'unknown'
    faults: Faults = Faults()
    # Not in the environment: properties of the protocol between master and workers.
    attempts: int = 3
    attempt_timeout: float = 2.0
    skip_seconds: float = 2.0
    resolve_seconds: float = 5.0
    drain_seconds: float = 10.0


def read_settings(env: Mapping[str, str], default_port: int) -> Settings:
    """Read the settings of one role. Raises SettingsError on the first variable that makes no sense."""
    return Settings(
        host=env.get('HOST') or '0.0.0.0',
        port=int(_number(env, 'PORT', default_port, 0, 65535, whole=True)),
        workers=parse_workers(env.get('WORKERS', '')),
        max_bytes=int(_number(env, 'MAX_BYTES', 20 * MIB, 1, 1024 * MIB, whole=True)),
        max_pixels=int(_number(env, 'MAX_PIXELS', 40_000_000, 1, 2**31 - 1, whole=True)),
        request_deadline=_number(env, 'REQUEST_DEADLINE', 10, 0.001, 3600),
        revision=env.get('REVISION') or 'unknown',
        faults=Faults(
            error_rate=_number(env, 'FAULT_ERROR_RATE', 0, 0, 1),
            latency_ms=_number(env, 'FAULT_LATENCY_MS', 0, 0, 60_000),
            cpu_ms=_number(env, 'FAULT_CPU_MS', 0, 0, 60_000),
            seed=int(_number(env, 'FAULT_SEED', 0, 0, 2**53, whole=True)) if env.get('FAULT_SEED') else None,
        ),
    )


def parse_workers(text: str) -> tuple[str, ...]:
    """Split WORKERS: a comma list of http://host:port or dns+http://host:port (every address of the name)."""
    workers = tuple(part.strip() for part in text.split(',') if part.strip())
    for worker in workers:
        try:
            parts = urlsplit(worker)
            good = parts.scheme in ('http', 'dns+http') and parts.hostname and parts.port and parts.path in ('', '/')
        except ValueError:
            good = False
        if not good:
            raise SettingsError(f'WORKERS: "{worker}" is not http://host:port or dns+http://host:port')
    return workers


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float, whole: bool = False) -> float:
    text = env.get(name) or str(default)
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        raise SettingsError(f'{name}: "{text}" is not a {"whole " if whole else ""}number') from None
    # A NaN compares false with everything and would pass a plain range check written the other way round.
    if not math.isfinite(value) or not low <= value <= high:
        raise SettingsError(f'{name}: {text} is not within {low:g} and {high:g}')
    return value
