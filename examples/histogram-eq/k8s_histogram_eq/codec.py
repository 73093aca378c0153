"""Images in, PNG out. What the bytes are is decided by the bytes, never by a header that came with them."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

# Our own limit is checked before a pixel is decoded; Pillow's is lower than what a caller may configure.
Image.MAX_IMAGE_PIXELS = None

ORIENTATION = 0x0112
DEEP_MODES = ('I', 'F', 'I;16', 'I;16B', 'I;16L', 'I;16N')


@dataclass(frozen=True)
class Limits:
    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 40_000_000


DEFAULT_LIMITS = Limits()


class ImageError(Exception):
    """An image that is not taken: HTTP status, code and text for the caller."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Picture:
    """A decoded image: the plane that is equalized, and what is put back around it."""

    luma: np.ndarray
    chroma: tuple[Image.Image, Image.Image] | None
    alpha: Image.Image | None


def sniff(data: bytes) -> str:
    """Name the format by its first bytes, as Pillow calls it. Raises ImageError 400 (nothing there) or 415."""
    if not data:
        raise ImageError(400, 'bad-image', 'the body is empty; send the bytes of one image')
    if data.startswith(b'\x89PNG\r\n\x1a\n'):
        return 'PNG'
    if data.startswith(b'\xff\xd8\xff'):
        return 'JPEG'
    if data.startswith(b'RIFF') and data[8:12] == b'WEBP':
        return 'WEBP'
    if data.startswith(b'BM'):
        return 'BMP'
    raise ImageError(415, 'format', 'not a PNG, JPEG, WebP or BMP')


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> int:
    """Number of pixels, from the head alone. Raises ImageError as decode does, but for broken pixel data."""
    with _opened(data, limits) as image:
        return image.width * image.height


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Decode one image. Raises ImageError: 400 bad-image, 413 too-large, 415 format."""
    with _opened(data, limits) as image:
        image.load()
        # exif_transpose() copies the image also when it is upright.
        upright = image.getexif().get(ORIENTATION, 1) == 1
        depth = data[24] if image.format == 'PNG' else 8
        return _split(image if upright else ImageOps.exif_transpose(image), depth)


@contextmanager
def _opened(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    if len(data) > limits.max_bytes:
        raise ImageError(413, 'too-large', f'more than {limits.max_bytes} bytes')
    name = sniff(data)
    # Pillow reads 16-bit RGB as 8 bits without a word; the depth stands in the first chunk.
    if name == 'PNG' and data[24:25] == b'\x10':
        raise ImageError(415, 'format', '16 bits a channel; 8 are taken')
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as image:
            if image.width * image.height > limits.max_pixels:
                raise ImageError(413, 'too-large', f'{image.width}x{image.height} is more than {limits.max_pixels} pixels')
            if getattr(image, 'n_frames', 1) > 1:
                raise ImageError(415, 'format', 'more than one frame')
            if image.mode in DEEP_MODES:
                raise ImageError(415, 'format', f'mode {image.mode}; 8 bits a channel are taken')
            yield image
    except ImageError:
        raise
    except Exception as error:
        # Broken files make the decoders raise almost anything; all of it means that the image is bad.
        raise ImageError(400, 'bad-image', f'cannot be decoded as {name} ({type(error).__name__})') from error


def encode(picture: Picture, luma: np.ndarray) -> bytes:
    """PNG of the picture with another luma plane: level 6, no metadata, so that equal pixels are equal bytes."""
    image = Image.fromarray(luma)
    if picture.chroma is not None:
        image = Image.merge('YCbCr', (image, *picture.chroma)).convert('RGB')
    if picture.alpha is not None:
        image = Image.merge(f'{image.mode}A', (*image.split(), picture.alpha))
    out = io.BytesIO()
    image.save(out, format='PNG', compress_level=6)
    return out.getvalue()


def _split(image: Image.Image, depth: int) -> Picture:
    alpha = _alpha(image, depth)
    if image.mode in ('1', 'L', 'LA'):
        grey = image.getchannel('L') if image.mode == 'LA' else image.convert('L')
        return Picture(np.asarray(grey), None, alpha)
    # convert() copies even when there is nothing to do, and a copy of a large image is 160 MB.
    colour = image if image.mode == 'RGB' else image.convert('RGB')
    luma, *chroma = colour.convert('YCbCr').split()
    return Picture(np.asarray(luma), (chroma[0], chroma[1]), alpha)


def _alpha(image: Image.Image, depth: int) -> Image.Image | None:
    if image.mode in ('LA', 'RGBA', 'PA'):
        return image.getchannel('A')
    key = image.info.get('transparency')
    if key is None:
        return None
    if image.mode == 'P':
        return image.convert('RGBA').getchannel('A')
    # PNG names one transparent colour instead of a channel, in the levels of the file; those of 1, 2 and 4 bits are spread
    # over 0..255 when they are decoded.
    if isinstance(key, int):
        key = min(255, key * (255 // (2**depth - 1)))
    hit = np.asarray(image if image.mode == 'RGB' else image.convert('L')) == np.asarray(key)
    clear = hit.all(axis=2) if hit.ndim == 3 else hit
    return Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
