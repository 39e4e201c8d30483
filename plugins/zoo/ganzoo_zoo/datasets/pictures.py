"""Decode one picture file to upright 8-bit pixels of a given size, or say what is wrong with it."""

import io
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import BinaryIO, Literal, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ganzoo.api import DAMAGE as _DAMAGE
from ganzoo.api import MAX_PICTURE_PIXELS

Crop = Literal["center", "pad", "none"]
T = TypeVar("T")
R = TypeVar("R")

RECOGNISED = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PSD", "QOI")
"""Formats that the first bytes of a file tell for certain."""

FORMATS = (
    *RECOGNISED,
    *("BLP", "CUR", "DCX", "DDS", "DIB", "FITS", "FLI", "FTEX", "GBR", "ICNS", "ICO", "IM"),
    *("MPO", "MSP", "PCX", "PIXAR", "PPM", "SGI", "SPIDER", "SUN", "TGA", "XBM", "XPM"),
)
"""What Pillow decodes itself: for EPS it starts Ghostscript, for GRIB and such it has no decoder.
TGA and SPIDER have no mark at their beginning, so they come after all that have one."""

START = 64
"""Bytes by which `starts_a_picture` tells."""

MAX_SIDE = 20_000
THREADS = 4

DAMAGE = (*_DAMAGE, Image.DecompressionBombError)
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
        return f"more than {MAX_PICTURE_PIXELS // 10**6} megapixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


@cache
def _suffixes() -> frozenset[str]:
    Image.init()
    return frozenset(suffix for suffix, name in Image.EXTENSION.items() if name in FORMATS)


def is_suffix(suffix: str) -> bool:
    """Return whether a suffix, such as ``.JPG``, is one of a format in `FORMATS`."""
    return suffix.lower() in _suffixes()


def starts_a_picture(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of a format in `RECOGNISED`."""
    Image.init()
    found = (Image.OPEN[name][1] for name in RECOGNISED if name in Image.OPEN)
    # A decoder answers with a text where it knows the format and lacks the library.
    return bool(start) and any(accept is not None and accept(start) is True for accept in found)


def header(stream: BinaryIO) -> Image.Image:
    """Return the picture without decoding its pixels.

    Raises:
        any of DAMAGE: it is empty, of no known format, or too large.
    """
    if not stream.read(1):
        raise ValueError("empty file")
    stream.seek(0)
    Image.init()
    image = Image.open(stream, formats=[name for name in FORMATS if name in Image.OPEN])
    if image.width * image.height > MAX_PICTURE_PIXELS:
        raise Image.DecompressionBombError
    if max(image.size) > MAX_SIDE:
        raise ValueError(f"more than {MAX_SIDE:,} pixels wide or high")
    return image


def size_and_mode(stream: BinaryIO) -> tuple[tuple[int, int], str]:
    """Return (height, width) of the upright picture and its mode, from the header alone."""
    try:
        image = header(stream)
        # The base class's method: PNG's own decodes the pixels, to find EXIF data after them.
        orientation = Image.Image.getexif(image).get(0x0112, 1)
    except DAMAGE:
        image, orientation = header(without_metadata(stream)), 1
    size = image.size if orientation in (5, 6, 7, 8) else (image.height, image.width)
    return size, image.mode


def has_frames(stream: BinaryIO) -> bool:
    """Return whether a file has several pictures, of which `decode` reads the first."""
    with suppress(*DAMAGE), strict_warnings():
        return bool(getattr(header(stream), "is_animated", False))
    return False


def decode(
    stream: BinaryIO, channels: int, bits: int | None = None, least: int | None = None
) -> Image.Image:
    """Return the first frame, upright, in mode RGB, or L for one channel.

    EXIF orientation is applied, transparent pixels become white, CMYK and palettes become RGB;
    colour profiles are ignored. Where EXIF data or texts are damaged and pixels are not, the
    picture is read without them.

    Args:
        bits: of levels that are stored in 16 or 32 bits, see `eight_bit`.
        least: decode a JPEG at the smallest of 1/8, 1/4, 1/2 and 1 of its size at which no side is
            shorter than this.

    Raises:
        any of DAMAGE: the file is not a complete picture.
    """
    try:
        image = loaded(stream, least)
        image = ImageOps.exif_transpose(image)
    except DAMAGE:
        image = loaded(without_metadata(stream), least)
    image = eight_bit(image, bits)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def loaded(stream: BinaryIO, least: int | None) -> Image.Image:
    """Return the picture with its pixels decoded; see `decode`."""
    image = header(stream)
    if least:
        image.draft(None, (least, least))
    image.load()
    return image


def without_metadata(stream: BinaryIO) -> BinaryIO:
    """Return a PNG without its texts and EXIF data, a JPEG without EXIF; others as they are."""
    stream.seek(0)
    data = stream.read()
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        data = data[:8] + b"".join(
            chunk for kind, chunk in _chunks(data) if kind[:1].isupper() or kind == b"tRNS"
        )
    elif data.startswith(b"\xff\xd8"):
        data = data[:2] + b"".join(_segments(data))
    return io.BytesIO(data)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the bytes of each chunk; kinds that a reader needs are upper case."""
    place = 8
    while place + 12 <= len(png):
        size = int.from_bytes(png[place : place + 4], "big")
        yield png[place + 4 : place + 8], png[place : place + 12 + size]
        place += 12 + size


def _segments(jpeg: bytes) -> Iterator[bytes]:
    """Yield the segments before the pixels, without APP1 (EXIF), then everything else."""
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF and jpeg[place + 1] != 0xDA:
        size = 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if jpeg[place + 1] != 0xE1:
            yield jpeg[place : place + size]
        place += size
    yield jpeg[place:]


def eight_bit(image: Image.Image, bits: int | None = None) -> Image.Image:
    """Return a picture of 16 or 32-bit grey levels as 8-bit, rounded; others are unchanged.

    Args:
        bits: of the levels, from 8 to 16. None: 8 if none is above 255, else 16, and levels that
            end below 4096 are refused, because they are likely to be of 12 bits or fewer.
    """
    if image.mode == "F":
        raise ValueError("levels are floating-point numbers of unknown range")
    if not image.mode.startswith("I"):
        return image
    levels, transparent = np.asarray(image).astype(np.int64), image.info.get("transparency")
    top = int(levels.max())
    if levels.min() < 0 or top > 65535:
        raise ValueError("levels do not fit 16 bits")
    if bits is None and 255 < top < 4096:
        raise ValueError(f"levels end at {top}: 12 bits? set dataset.bits to 10, 12, 14 or 16")
    bits = bits or (8 if top <= 255 else 16)
    if top >= 2**bits:
        raise ValueError(f"levels end at {top}, which is no level of {bits} bits")
    scaled = np.rint(levels * (255 / (2**bits - 1))).astype(np.uint8)
    if isinstance(transparent, int):
        scaled[levels == transparent] = 255
    return Image.fromarray(scaled)


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
