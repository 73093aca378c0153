"""Tiles cover the image once, in order."""

import numpy as np
import pytest

from k8s_histogram_eq.tiling import bands, merge, tile_count


@pytest.mark.parametrize('pixels, tiles', [
    (1, 1), (65536, 1), (65537, 2), (64 * 65536, 64), (64 * 65536 + 1, 64), (40_000_000, 64)])
def test_tile_count(pixels, tiles):
    assert tile_count(pixels) == tiles


@pytest.mark.parametrize('height, width, count', [(1, 1, 1), (7, 3, 3), (9, 5, 9), (2, 100, 9), (1, 1, 9), (64, 1, 64)])
def test_bands_cover_every_pixel_once(height, width, count):
    parts = bands(height, width, count)
    assert len(parts) == min(count, height * width)
    assert parts[0][0] == 0 and parts[-1][1] == height * width
    assert all(before[1] == after[0] for before, after in zip(parts, parts[1:]))
    assert all(start < stop for start, stop in parts)


def test_bands_are_whole_rows_when_there_are_enough():
    assert bands(7, 10, 3) == [(0, 20), (20, 40), (40, 70)]


def test_a_single_row_of_40_million_pixels_is_split_too():
    assert max(stop - start for start, stop in bands(1, 40_000_000, 64)) == 625_000


def test_merge_adds_beyond_32_bits():
    one = np.full(256, 2**32 - 1, dtype='<u4')
    assert merge([one, one])[0] == 2 * (2**32 - 1)
