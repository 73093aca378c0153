"""The distributed result equals the reference, byte for byte."""

import os

import numpy as np
import pytest
from PIL import Image

from k8s_histogram_eq.reference import equalize

from .support import GREY, cluster, image_bytes, random_image, run

MODES = ('L', 'LA', 'RGB', 'RGBA', 'P')
# For each number of workers. 15 see every mode three times; RANDOM_CASES=125 makes it the 500 of the acceptance.
CASES = int(os.environ.get('RANDOM_CASES', '15'))


@pytest.mark.parametrize('workers', [1, 2, 3, 4])
def test_equals_the_reference_for_random_images(workers):
    async def body():
        rng = np.random.default_rng(workers)
        tiles = 1
        async with cluster(workers, tiles_for=lambda _pixels: tiles) as it:
            for case in range(CASES):
                tiles = int(rng.integers(1, 10))
                width, height = int(rng.integers(1, 258)), int(rng.integers(1, 132))
                data = image_bytes(random_image(rng, MODES[case % 5], width, height), compress_level=1)
                answer = await it.equalize(data)
                assert answer.status == 200
                assert answer.body == equalize(data), f'{MODES[case % 5]} {width}x{height}, {tiles} tiles'
                assert answer.headers['X-Tiles'] == str(min(tiles, width * height))
                assert 1 <= int(answer.headers['X-Workers']) <= workers
                assert answer.headers['X-Retries'] == '0'
    run(body())


@pytest.mark.parametrize('what, image', [
    ('constant', Image.new('RGB', (300, 300), (9, 9, 9))),
    ('1x1', Image.new('L', (1, 1), 77)),
    ('all 256 levels', Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))),
    ('alpha 0', Image.new('RGBA', (20, 20), (1, 200, 3, 0))),
    ('one row', Image.fromarray(np.arange(70_000, dtype=np.uint32).astype(np.uint8).reshape(1, -1))),
    ('one column', Image.fromarray(np.arange(70_000, dtype=np.uint32).astype(np.uint8).reshape(-1, 1))),
])
def test_25_special_images_equal_the_reference(what, image):
    async def body():
        async with cluster(2) as it:
            data = image_bytes(image)
            assert (await it.equalize(data)).body == equalize(data)
    run(body())


def test_tiles_go_to_all_workers():
    async def body():
        async with cluster(3) as it:
            answer = await it.equalize(image_bytes(Image.new('L', (1000, 1000), 3)))
            assert (answer.headers['X-Tiles'], answer.headers['X-Workers']) == ('16', '3')
            assert await it.metric('tiles_total{outcome="ok",role="master"}') == 32
    run(body())


def test_a_declared_type_and_name_do_not_matter():
    async def body():
        async with cluster(1) as it:
            answer = await it.equalize(GREY, headers={'Content-Type': 'text/html'})
            assert (answer.status, answer.headers['Content-Type']) == (200, 'image/png')
    run(body())
