"""The algorithm against tables worked out by hand."""

import io

import numpy as np
import pytest
from PIL import Image

from k8s_histogram_eq.reference import equalize, equalize_plane, histogram, table

from .support import image_bytes


def plane(*rows):
    return np.array(rows, dtype=np.uint8)


@pytest.mark.parametrize('before, after', [
    # n = 4, m = 1: c = 1, 2, 3, 4 -> 0, 255/3, 510/3, 255
    (plane([10, 20], [30, 40]), plane([0, 85], [170, 255])),
    # c = 2, 3, 4; m = 2: 0, (255 + 1) // 2, 255
    (plane([5, 5], [6, 7]), plane([0, 0], [128, 255])),
    # two levels: the darker is 0, the lighter 255
    (plane([0, 255], [255, 255]), plane([0, 255], [255, 255])),
    # 3x3, c = 1, 3, 6, 9; m = 1, n - m = 8: 0, (510 + 4) // 8, (1275 + 4) // 8, 255
    (plane([1, 2, 2], [3, 3, 3], [4, 4, 4]), plane([0, 64, 64], [159, 159, 159], [255, 255, 255])),
    # 4x4 of 16 levels: c = 1..16, table = (c - 1) * 17
    (np.arange(100, 116, dtype=np.uint8).reshape(4, 4), (np.arange(16) * 17).astype(np.uint8).reshape(4, 4)),
    # 4x2: c = 4, 6, 8; m = 4: 0, (2 * 255 + 2) // 4, 255
    (plane([9, 9, 9, 9], [11, 11, 13, 13]), plane([0, 0, 0, 0], [128, 128, 255, 255])),
])
def test_hand_worked_planes(before, after):
    assert equalize_plane(before).tolist() == after.tolist()


@pytest.mark.parametrize('level', [0, 1, 127, 254, 255])
def test_one_level_stays_as_it_is(level):
    assert equalize_plane(np.full((3, 5), level, np.uint8)).tolist() == np.full((3, 5), level).tolist()


def test_table_rises_from_0_to_255_over_the_levels_that_occur():
    rng = np.random.default_rng(3)
    for _ in range(200):
        pixels = rng.integers(0, int(rng.integers(2, 257)), int(rng.integers(2, 500))).astype(np.uint8)
        entries = table(histogram(pixels))
        levels = np.unique(pixels)
        if levels.size > 1:
            assert entries[levels[0]] == 0 and entries[levels[-1]] == 255
        assert np.all(np.diff(entries[levels].astype(int)) >= 0)


def test_table_of_an_empty_histogram_is_the_identity():
    assert table(np.zeros(256, dtype=np.int64)).tolist() == list(range(256))


def test_40_million_pixels_do_not_overflow():
    counts = np.zeros(256, dtype=np.int64)
    counts[[7, 9]] = 20_000_000
    assert table(counts)[[7, 9]].tolist() == [0, 255]


def test_equalize_takes_and_gives_encoded_images():
    out = equalize(image_bytes(Image.fromarray(plane([10, 20], [30, 40]))))
    with Image.open(io.BytesIO(out)) as image:
        assert (image.format, image.mode) == ('PNG', 'L')
        assert np.asarray(image).tolist() == [[0, 85], [170, 255]]
