"""Decode one picture file to upright 8-bit pixels of a given size, or say what is wrong with it."""

import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, Literal, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

Crop = Literal["center", "pad", "none"]
T = TypeVar("T")
R = TypeVar("R")

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 64_000_000
MAX_SIDE = 20_000
THREADS = 4

DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    NotImplementedError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
    Warning,
)
"""What Pillow's decoders and zipfile raise for damaged files."""


@contextmanager
def strict_warnings() -> Iterator[None]:
    """Turn warnings into errors: Pillow warns about files that it cannot read reliably."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Yield function(item) in order, computed in threads: decoders release the GIL.

    Closing the generator stops starting new calls.
    """
    with strict_warnings(), ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(function, items)


def reason(error: BaseException) -> str:
    """Return a short text that says why a picture cannot be read."""
    if isinstance(error, UnidentifiedImageError):
        return "not a picture of a known format"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {MAX_PIXELS // 10**6} megapixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


def header(stream: BinaryIO) -> Image.Image:
    """Return the picture without decoding its pixels.

    Raises:
        any of DAMAGE: it is empty, of no known format, or too large.
    """
    if not stream.read(1):
        raise ValueError("empty file")
    stream.seek(0)
    image = Image.open(stream, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    if max(image.size) > MAX_SIDE:
        raise ValueError(f"more than {MAX_SIDE:,} pixels wide or high")
    return image


def upright_size(stream: BinaryIO) -> tuple[int, int]:
    """Return (height, width) of the upright picture, from the header alone."""
    image = header(stream)
    # The base class's method: PNG's own decodes the pixels, to find EXIF data after them.
    orientation = Image.Image.getexif(image).get(0x0112, 1)
    return image.size if orientation in (5, 6, 7, 8) else (image.height, image.width)


def decode(stream: BinaryIO, channels: int) -> Image.Image:
    """Return the first frame, upright, in mode RGB, or L for one channel.

    EXIF orientation is applied, transparent pixels become white, 16 bits are rounded to 8, CMYK and
    palettes become RGB; colour profiles are ignored.

    Raises:
        any of DAMAGE: the file is not a complete picture.
    """
    image = header(stream)
    image.load()
    image = eight_bit(ImageOps.exif_transpose(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def eight_bit(image: Image.Image) -> Image.Image:
    """Return a 16-bit grey picture as 8-bit, rounded; 8-bit pictures are unchanged."""
    if image.mode == "F":
        raise ValueError("levels are floating-point numbers of unknown range")
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image)
    if levels.min() < 0 or levels.max() > 65535:
        raise ValueError("levels do not fit 16 bits")
    return Image.fromarray(np.rint(levels * (255 / 65535)).astype(np.uint8))


def fit(image: Image.Image, height: int, width: int, crop: Crop) -> Image.Image:
    """Return the picture at height x width, resampled once (Pillow's antialiased bicubic).

    ``center`` crops the longer side, ``pad`` adds white along the shorter one, ``none`` stretches.
    """
    scales = height / image.height, width / image.width
    if crop == "pad":
        inner = (round(image.width * min(scales)), round(image.height * min(scales)))
        inside = image.resize((max(1, inner[0]), max(1, inner[1])), Image.Resampling.BICUBIC)
        canvas = Image.new(image.mode, (width, height), "white")
        canvas.paste(inside, ((width - inside.width) // 2, (height - inside.height) // 2))
        return canvas
    kept_width, kept_height = float(image.width), float(image.height)
    if crop == "center":
        # Rounding may give a box slightly larger than the image, which Pillow refuses.
        kept_width = min(kept_width, width / max(scales))
        kept_height = min(kept_height, height / max(scales))
    left, top = (image.width - kept_width) / 2, (image.height - kept_height) / 2
    box = (left, top, left + kept_width, top + kept_height)
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box)
