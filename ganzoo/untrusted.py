"""Files that may come from anyone: how much they may hold, and one error for a damaged one.

Zips, JSON and text go through here. A reader of another format checks what the file declares
before it allocates, and wraps the library's call in `reading`.
"""

import csv
import errno
import json
import lzma
import os
import re
import stat
import struct
import wave
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzoo.errors import DataError, GanzooError, in_one_line, printable

DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    AssertionError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    csv.Error,
    wave.Error,
    Warning,
)
"""What the readers of formats raise for damaged files: those of Python, numpy, Pillow and torch."""

MAX_PICTURE_PIXELS = 64_000_000

LONGEST_TEXT = 1 << 28
"""Largest size of a text file that is read whole, in bytes: 256 MiB."""


def reason(error: BaseException) -> str:
    """Return why a file cannot be read, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = in_one_line(error) if isinstance(error, Exception) else ""
    return printable(words, one_line=True) or type(error).__name__


@contextmanager
def reading(
    path: object, hint: str | None = None, error_class: type[GanzooError] = DataError
) -> Iterator[None]:
    """Turn what a library raises for a damaged file into one error that names the file.

    Raises:
        error_class: the file cannot be read.
    """
    try:
        yield
    except GanzooError:
        raise
    except DAMAGE as error:
        raise error_class(f"{path} cannot be read: {reason(error)}", hint=hint) from error


def require_regular(path: Path) -> None:
    """Raise OSError unless this is a regular file: reading a pipe would block for ever."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is not a regular file", str(path))


def read_regular(path: Path, most: int = LONGEST_TEXT) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    Raises:
        OSError: it cannot be read, is larger, or is no regular file.
    """
    require_regular(path)
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than {most:,} bytes", str(path))
    return content


def read_text(path: Path) -> str:
    """Return the text of a regular file in UTF-8, with or without a byte order mark.

    Raises:
        DataError: it cannot be read, is too large, or is no UTF-8.
    """
    try:
        return read_regular(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read: {reason(error)}", hint="save it as UTF-8"
        ) from error


# --- JSON ----------------------------------------------------------------------------------------

LARGEST = 2**63
"""Whole numbers are below this. A longer one is damage, and overflows a float."""

DEEPEST = 32
"""Levels of nested lists and mappings."""

TOO_DEEP = "is nested too deeply"

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(content: bytes | str) -> Any:
    """Return strict JSON: finite numbers, no key twice, texts that can be printed, few levels.

    Raises:
        ValueError: it is something else; the message says what, in one line.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    try:
        found = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    level = [found]
    for _ in range(DEEPEST):
        inside = (each for each in level if isinstance(each, dict | list))
        level = [
            value
            for each in inside
            for value in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise ValueError(TOO_DEEP)
    if _SURROGATE.search(text):  # those of undecodable file names can be printed, no others
        json.dumps(found, ensure_ascii=False).encode(errors="surrogateescape")
    return found


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("gives a key twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 20 or abs(number := int(digits)) >= LARGEST:
        raise ValueError("holds a number that is too large")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if abs(number) == float("inf"):
        raise ValueError("holds a number that is too large")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is no number of JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_mapping,
    parse_int=_whole,
    parse_float=_finite,
    parse_constant=_no_constant,
)


# --- archives ------------------------------------------------------------------------------------

MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 256 * 1024**2
"""Largest size of a member that is read whole, such as a picture, in bytes."""

MAX_RATIO = 100
RATIO_MATTERS_FROM_BYTES = 16 * 1024**2
"""What unpacks to more bytes than this may not be more than `MAX_RATIO` times its packed size."""

METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""How members of a zip may be packed: what of these is unpacked at a time can be limited."""


def require_harmless(place: str, size: int, packed: int) -> None:
    """Refuse what unpacks to many times its packed size, in bytes; `place` names it.

    Raises:
        DataError: it is a decompression bomb.
    """
    if size > max(RATIO_MATTERS_FROM_BYTES, MAX_RATIO * packed):
        raise DataError(
            f"{place} would unpack to more than {MAX_RATIO} times its size",
            hint="unpack it yourself, or save it without compression",
        )


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip, which is read in place and never extracted.

    Raises:
        DataError: it is no zip, cannot be read, or has too many or overlapping members.
    """
    with reading(path):
        require_regular(path)
        archive = zipfile.ZipFile(path)
    members, problem = archive.infolist(), None
    if len(members) > MAX_MEMBERS:
        problem = f"{path} has {len(members):,} members, more than {MAX_MEMBERS:,}"
    elif sum(member.compress_size for member in members) > path.stat().st_size:
        problem = f"{path} is damaged: its members are larger than the file"
    if problem:
        archive.close()
        raise DataError(problem, hint="pack it again")
    return archive


def require_readable(place: str, member: zipfile.ZipInfo) -> None:
    """Refuse a member of a zip that is encrypted, packed in a rare way, or a bomb.

    Raises:
        DataError: it is one of these.
    """
    if member.flag_bits & 1:
        raise DataError(f"{place} is encrypted", hint="unpack it yourself")
    if member.compress_type not in METHODS:
        raise DataError(
            f"{place} is packed by method {member.compress_type}; only stored and deflated members "
            "are read",
            hint="unpack it yourself",
        )
    require_harmless(place, member.file_size, member.compress_size)


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return a member of a zip that is no larger than `MAX_MEMBER_BYTES`.

    Raises:
        any of DAMAGE: it cannot be read.
        DataError: see `require_readable`, or it is too large.
    """
    place = f"{archive.filename}: {printable(member.filename, one_line=True)}"
    require_readable(place, member)
    if member.file_size > MAX_MEMBER_BYTES:
        raise DataError(
            f"{place} would unpack to {member.file_size:,} bytes, more than {MAX_MEMBER_BYTES:,}",
            hint="unpack it yourself",
        )
    with archive.open(member) as file:
        return file.read(member.file_size)  # without a size it would unpack more than is declared


def available_memory() -> int | None:
    """Return the bytes of memory that can be used without swapping; None if that is unknown."""
    found = []
    try:
        (line,) = (
            each
            for each in Path("/proc/meminfo").read_text().splitlines()
            if each.startswith("MemAvailable:")
        )
        found.append(int(line.split()[1]) * 1024)
        group = Path("/sys/fs/cgroup")  # a container's limit
        limit = (group / "memory.max").read_text().strip()
        if limit.isdigit():
            found.append(int(limit) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return max(0, min(found)) if found else None
