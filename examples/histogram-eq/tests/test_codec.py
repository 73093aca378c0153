"""What is taken, what is refused, and what becomes of modes, transparency and orientation."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from k8s_histogram_eq.codec import ImageError, Limits, decode, encode
from k8s_histogram_eq.reference import equalize

from .support import GREY, image_bytes, random_image, raw_png

RNG = np.random.default_rng(11)
RGB = random_image(RNG, 'RGB', 9, 7)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def refused(data, limits=Limits()):
    with pytest.raises(ImageError) as caught:
        decode(data, limits)
    return caught.value.status, caught.value.code


@pytest.mark.parametrize('name', ['PNG', 'JPEG', 'WEBP', 'BMP'])
def test_each_format_is_told_by_its_bytes(name):
    out = opened(equalize(image_bytes(RGB, name)))
    assert (out.mode, out.size) == ('RGB', RGB.size)


@pytest.mark.parametrize('mode, result', [
    ('1', 'L'), ('L', 'L'), ('LA', 'LA'), ('RGB', 'RGB'), ('RGBA', 'RGBA'), ('P', 'RGB')])
def test_modes(mode, result):
    source = RGB.convert('RGBA') if mode in ('LA', 'RGBA') else RGB
    assert opened(equalize(image_bytes(source.convert(mode)))).mode == result


def test_cmyk_becomes_rgb():
    assert opened(equalize(image_bytes(RGB.convert('CMYK'), 'JPEG'))).mode == 'RGB'


@pytest.mark.parametrize('mode', ['LA', 'RGBA'])
def test_alpha_is_kept_untouched(mode):
    image = random_image(RNG, mode, 6, 5)
    assert opened(equalize(image_bytes(image))).getchannel('A').tobytes() == image.getchannel('A').tobytes()


@pytest.mark.parametrize('image, key', [
    (Image.fromarray(np.array([[1, 2], [3, 2]], np.uint8)), 2),
    (Image.fromarray(np.array([[[1, 1, 1], [2, 2, 2]], [[3, 3, 3], [2, 2, 2]]], np.uint8)), (2, 2, 2)),
    (Image.fromarray(np.array([[0, 255], [0, 255]], np.uint8)).convert('1'), 1),
])
def test_one_transparent_colour_becomes_a_channel(image, key):
    out = opened(equalize(image_bytes(image, transparency=key)))
    assert np.asarray(out.getchannel('A')).tolist() == [[255, 0], [255, 0]]


@pytest.mark.parametrize('depth, row, clear', [(1, b'\x40', 1), (2, b'\x18', 1), (4, b'\x35\x30', 5)])
def test_a_transparent_level_of_few_bits_is_found(depth, row, clear):
    out = opened(equalize(raw_png(3, 1, depth, 0, b'\0' + row, clear)))
    assert list(out.getchannel('A').tobytes()) == [255, 0, 255]


def test_transparent_palette_entry_becomes_a_channel():
    image = random_image(RNG, 'P', 4, 4)
    image.putdata([0, 1] * 8)
    out = opened(equalize(image_bytes(image, transparency=1)))
    assert out.mode == 'RGBA' and list(out.getchannel('A').tobytes()) == [255, 0] * 8


@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_orientation_is_applied_and_dropped(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = opened(equalize(image_bytes(RGB, 'PNG', exif=exif)))
    assert out.size == ((7, 9) if orientation >= 5 else (9, 7))
    assert not out.getexif() and not out.info


def test_metadata_is_dropped():
    info = PngInfo()
    info.add_text('Comment', 'secret')
    assert equalize(image_bytes(RGB, pnginfo=info, icc_profile=b'x' * 200)) == equalize(image_bytes(RGB))


def test_decode_and_encode_are_inverse_for_grey():
    picture = decode(GREY)
    assert np.array_equal(decode(encode(picture, picture.luma)).luma, picture.luma)


REFUSED = [
    ('nothing', b'', (400, 'bad-image')),
    ('text', b'hello, world', (415, 'format')),
    ('gif', image_bytes(RGB.convert('P'), 'GIF'), (415, 'format')),
    ('cut off', GREY[:50], (400, 'bad-image')),
    ('head only', GREY[:8], (400, 'bad-image')),
    ('cut jpeg', image_bytes(RGB, 'JPEG')[:200], (400, 'bad-image')),
    ('riff, not webp', b'RIFF\0\0\0\0WAVE', (415, 'format')),
    ('empty bmp', b'BM', (400, 'bad-image')),
    ('16-bit grey', image_bytes(Image.fromarray(np.full((2, 2), 999, np.uint16))), (415, 'format')),
    ('16-bit colour', raw_png(2, 2, 16, 2, b'\0' * 26), (415, 'format')),
    ('no size', raw_png(0, 0), (400, 'bad-image')),
]


@pytest.mark.parametrize('data, answer', [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(data, answer):
    assert refused(data) == answer


@pytest.mark.parametrize('name', ['PNG', 'WEBP'])
def test_several_frames_are_refused(name):
    other = Image.new('RGB', RGB.size, 'red')
    assert refused(image_bytes(RGB, name, save_all=True, append_images=[other])) == (415, 'format')


def test_limits_at_the_edge_and_one_over():
    assert decode(GREY, Limits(len(GREY), 64)).luma.shape == (8, 8)
    assert refused(GREY, Limits(len(GREY) - 1, 64)) == (413, 'too-large')
    assert refused(GREY, Limits(len(GREY), 63)) == (413, 'too-large')


def test_27_40_million_and_1_pixels_in_3_kb_are_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, 'load', lambda _image: pytest.fail('was decoded'))
    data = raw_png(40_000_001, 1)
    assert len(data) < 3000
    assert refused(data) == (413, 'too-large')
    assert refused(raw_png(2**31 - 1, 2**31 - 1)) == (413, 'too-large')
