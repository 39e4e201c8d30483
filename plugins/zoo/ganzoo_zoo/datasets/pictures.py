"""One picture file → upright 8-bit pixels at the size asked for, or what is wrong with it."""

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
"""What Pillow's decoders and zipfile raise on bytes that are not what they should be."""


@contextmanager
def strict_warnings() -> Iterator[None]:
    """Turn warnings into errors inside: Pillow warns of files that it can only guess at."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Yield function(item) in order; decoders release the interpreter's lock.

    Closed early, it begins no more of them.
    """
    with strict_warnings(), ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(function, items)


def reason(error: BaseException) -> str:
    """Return in a few words why a picture cannot be read."""
    if isinstance(error, UnidentifiedImageError):
        return "not a picture of a known format"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {MAX_PIXELS // 10**6} megapixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


def header(stream: BinaryIO) -> Image.Image:
    """Return the picture without having decoded it.

    Raises:
        any of DAMAGE: it is empty, of no known format, or larger than anything should be.
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
    """Return (height, width) as the picture is to be looked at, from its header alone."""
    image = header(stream)
    # The base method: the one of PNG decodes the pixels to find an orientation behind them.
    orientation = Image.Image.getexif(image).get(0x0112, 1)
    return image.size if orientation in (5, 6, 7, 8) else (image.height, image.width)


def decode(stream: BinaryIO, channels: int) -> Image.Image:
    """Return the first frame, upright, in mode RGB, or L for one channel.

    EXIF orientation is applied, what is transparent becomes white, 16 bits are rounded to 8, CMYK
    and palettes become RGB; colour profiles are not looked at.

    Raises:
        any of DAMAGE: the file is not a whole picture.
    """
    image = header(stream)
    image.load()
    image = eight_bit(ImageOps.exif_transpose(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def eight_bit(image: Image.Image) -> Image.Image:
    """Return a 16-bit grey picture as an 8-bit one, rounded; any other 8-bit picture as it is."""
    if image.mode == "F":
        raise ValueError("levels are floating-point numbers, whose range is not known")
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image)
    if levels.min() < 0 or levels.max() > 65535:
        raise ValueError("levels do not fit 16 bits")
    return Image.fromarray(np.rint(levels * (255 / 65535)).astype(np.uint8))


def fit(image: Image.Image, height: int, width: int, crop: Crop) -> Image.Image:
    """Return the picture at height x width, resampled once by Pillow's antialiased bicubic.

    ``center`` cuts the longer side, ``pad`` puts white beside the shorter one, ``none`` stretches.
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
        # Rounding may make the longer side a hair longer than it is, which Pillow refuses.
        kept_width = min(kept_width, width / max(scales))
        kept_height = min(kept_height, height / max(scales))
    left, top = (image.width - kept_width) / 2, (image.height - kept_height) / 2
    box = (left, top, left + kept_width, top + kept_height)
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box)
