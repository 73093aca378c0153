"""Histogram equalization in one process: what the distributed service must equal, byte for byte."""

import numpy as np

from .codec import DEFAULT_LIMITS, Limits, decode, encode

LEVELS = 256


def histogram(pixels: np.ndarray) -> np.ndarray:
    """Count each of the 256 levels of an 8-bit array (int64)."""
    return np.bincount(pixels.reshape(-1), minlength=LEVELS).astype(np.int64)


def table(counts: np.ndarray) -> np.ndarray:
    """Turn a histogram into the 256-entry equalization table, with integers only.

    c is the cumulative histogram, m its first non-zero value, n the number of pixels:
    table[v] = ((c[v] - m) * 255 + (n - m) // 2) // (n - m), and the identity when all pixels have one level.
    Integers make the result the same on every machine and for every way of splitting the image.
    """
    cumulative = np.cumsum(counts, dtype=np.int64)
    total = int(cumulative[-1])
    present = np.nonzero(cumulative)[0]
    first = int(cumulative[present[0]]) if present.size else 0
    if total == first:
        return np.arange(LEVELS, dtype=np.uint8)
    spread = ((cumulative - first) * 255 + (total - first) // 2) // (total - first)
    # Levels below the darkest one do not occur; their entries would be negative.
    return np.clip(spread, 0, 255).astype(np.uint8)


def equalize_plane(plane: np.ndarray) -> np.ndarray:
    """Equalize one 8-bit plane."""
    return table(histogram(plane))[plane]


def equalize(data: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Equalize an encoded image and return it as PNG. Raises codec.ImageError."""
    picture = decode(data, limits)
    return encode(picture, equalize_plane(picture.luma))
