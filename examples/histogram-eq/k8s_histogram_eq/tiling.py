"""How an image is split among workers, and how their histograms become one."""

import numpy as np

TILE_PIXELS = 65536
MAX_TILES = 64


def tile_count(pixels: int) -> int:
    """Number of tiles of an image: one for each 65536 pixels begun, at most 64."""
    return max(1, min(MAX_TILES, -(-pixels // TILE_PIXELS)))


def bands(height: int, width: int, count: int) -> list[tuple[int, int]]:
    """Split an image into `count` runs of its pixels in row order, as (start, stop), equal to within one row.

    An image with fewer rows than that is split inside its rows: a single row of 40 million pixels must fit the workers too.
    """
    unit, units = (width, height) if height >= count else (1, height * width)
    count = min(count, units)
    edges = [units * index // count * unit for index in range(count + 1)]
    return list(zip(edges, edges[1:]))


def merge(histograms: list[np.ndarray]) -> np.ndarray:
    """Add up the histograms of all tiles (int64: the sum may exceed the 32 bits of one tile)."""
    return np.sum(histograms, axis=0, dtype=np.int64)
