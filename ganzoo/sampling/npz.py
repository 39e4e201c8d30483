"""Arrays of npz files, whose headers are checked before anything is allocated."""

import math
import mmap
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ganzoo.errors import DataError, printable
from ganzoo.untrusted import available_memory, open_zip, reading, require_readable

NPZ = "write the file again: np.savez(FILE, samples=ARRAY)"

MAPPED_FROM_BYTES = 1 << 30
"""Uncompressed bytes (uint8, int8, bool) from this size on stay in the file: memory-mapped."""

BLOCK = 1 << 24

NUMBERS = "biufc"
"""`numpy.dtype.kind` of numbers and booleans."""

_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Header(NamedTuple):
    """What a member of an npz says of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    start: int
    """Place of the first value in the unpacked member, in bytes."""
    member: zipfile.ZipInfo

    @property
    def bytes(self) -> int:
        """Size of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def npz_headers(path: Path) -> dict[str, Header]:
    """Return the headers of the arrays in an npz by their names; other members are left out.

    Raises:
        DataError: it cannot be read, holds Python objects or a name twice, or a header is wrong.
    """
    found: dict[str, Header] = {}
    with _opened(path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            name, place = member.filename.removesuffix(".npy"), _place(path, member)
            if name in found:
                raise DataError(f"{place} is there twice", hint=NPZ)
            require_readable(place, member)
            with _reading(place), archive.open(member) as file:
                found[name] = _header(file, member)
    return found


def npz_array(path: Path, name: str) -> np.ndarray:
    """Return an array of numbers of an npz, in this machine's byte order.

    A large one that is stored without compression is memory-mapped, and cannot be written.

    Raises:
        DataError: it cannot be read, holds no numbers, or does not fit into memory.
    """
    header = npz_headers(path)[name]
    if header.dtype.kind not in NUMBERS:
        raise DataError(f"{path}: {printable(name)} holds no numbers: {header.dtype}", hint=NPZ)
    with _opened(path) as archive, _reading(_place(path, header.member)):
        if _stays_in_the_file(header):
            return _mapped(path, archive, header)
        _require_memory(path, name, header)
        # torch reads this machine's byte order only.
        values = _read(archive, header)
        return values.astype(header.dtype.newbyteorder("="), copy=False)


def _place(path: Path, member: zipfile.ZipInfo) -> str:
    return f"{path}: {printable(member.filename, one_line=True)}"


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an npz file, or the end of it is missing", hint=NPZ)
    with open_zip(path) as archive:
        yield archive


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """As `reading`; headers are Python literals, so Python's parser may give up as well."""
    with reading(place, NPZ):
        try:
            yield
        except (tokenize.TokenError, MemoryError) as error:
            raise ValueError("its header is damaged") from error


def _header(file: IO[bytes], member: zipfile.ZipInfo) -> Header:
    version = np.lib.format.read_magic(file)
    if version not in _READ_HEADER:  # the third has names of fields in UTF-8
        raise ValueError(f"its format is {version}, and only 1.0 and 2.0 are read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a header that Python 2 wrote
        shape, fortran, dtype = _READ_HEADER[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which can hide code")
    header = Header(tuple(map(int, shape)), dtype, fortran, file.tell(), member)
    stored = member.file_size - header.start
    if min(header.shape, default=0) < 0 or header.bytes != stored:
        shown = f"{dtype} of shape {str(header.shape)[:60]}"
        raise ValueError(f"its header says {shown}, and there are {stored:,} bytes")
    return header


def _require_memory(path: Path, name: str, header: Header) -> None:
    free = available_memory()
    if free is not None and header.bytes > free:
        packed = header.member.compress_type != zipfile.ZIP_STORED
        raise DataError(
            f"{path}: {name} needs {header.bytes / 2**30:.1f} GiB of memory, and "
            f"{free / 2**30:.1f} GiB are free",
            hint="save it as uint8 with np.savez: without compression it stays in the file"
            if packed
            else "save it as uint8: then it stays in the file",
        )


def _read(archive: zipfile.ZipFile, header: Header) -> np.ndarray:
    values = np.empty(math.prod(header.shape), header.dtype)
    left = memoryview(values.view(np.uint8).data)
    with archive.open(header.member) as file:
        file.read(header.start)
        while left:
            block = file.read(min(BLOCK, len(left)))
            if not block:
                raise EOFError("it is cut short")
            left[: len(block)] = block
            left = left[len(block) :]
    return values.reshape(header.shape, order="F" if header.fortran else "C")


def _stays_in_the_file(header: Header) -> bool:
    return (
        header.member.compress_type == zipfile.ZIP_STORED
        and header.bytes >= MAPPED_FROM_BYTES
        and header.dtype.itemsize == 1  # others would not be aligned in memory
        and not header.fortran
    )


def _mapped(path: Path, archive: zipfile.ZipFile, header: Header) -> np.ndarray:
    """Return the array as a read-only view of the file, after checking its checksum."""
    start = header.member.header_offset
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # The name and the extra field before the content are as long as the local header says.
    fixed = zipfile.sizeFileHeader  # type: ignore[attr-defined]
    start += fixed + sum(
        int.from_bytes(whole[start + at : start + at + 2], "little") for at in (26, 28)
    )
    checksum, size = 0, header.member.file_size
    for place in range(start, start + size, BLOCK):
        checksum = zlib.crc32(whole[place : min(place + BLOCK, start + size)], checksum)
    if checksum != header.member.CRC:
        raise ValueError("it does not match its checksum")
    values = np.frombuffer(whole, header.dtype, math.prod(header.shape), start + header.start)
    return values.reshape(header.shape)
