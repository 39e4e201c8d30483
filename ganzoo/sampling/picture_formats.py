"""Which formats the pictures in a folder or a zip have; several together are no one set."""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from PIL import Image

from ganzoo.errors import DataError

_BEGINNINGS = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WEBP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_LONGEST = max(map(len, _BEGINNINGS))


def require_one_format(path: Path, hint: str) -> None:
    """Refuse pictures of several formats: a score would tell them apart by their compression.

    A file counts by how it begins, and by its name where that says nothing. Hidden files,
    ``__MACOSX`` and what is no picture do not count.

    Raises:
        DataError: there are two formats or more.
    """
    formats = {found for name, start in _pictures(path) if (found := _format(name, start))}
    if len(formats) > 1:
        raise DataError(
            f"{path} holds {' and '.join(sorted(formats))} pictures together: a score would see "
            "how they were compressed",
            hint=hint,
        )


def _format(name: str, start: bytes) -> str | None:
    found = Image.registered_extensions()[PurePosixPath(name).suffix.lower()]
    begun = (each for magic, each in _BEGINNINGS.items() if start.startswith(magic))
    return next(begun, found)


def _pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the first bytes of each file whose name is that of a picture."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            inside = Path(folder).relative_to(path)
            for name in names:
                if _is_picture((inside / name).as_posix()):
                    yield name, _start_of_file(Path(folder, name))
        return
    with suppress(OSError, BadZipFile, NotImplementedError), ZipFile(path) as archive:
        for name in archive.namelist():
            if _is_picture(name.replace("\\", "/")):
                yield name, _start_of_member(archive, name)


def _is_picture(name: str) -> bool:
    format_of = Image.registered_extensions()
    found = format_of.get(PurePosixPath(name).suffix.lower())
    shown = all(part[:1] != "." and part != "__MACOSX" for part in name.split("/"))
    return shown and found is not None and Image.MIME.get(found, "").startswith("image/")


def _start_of_file(path: Path) -> bytes:
    """Return the first bytes; none of what cannot be read, which the data set names."""
    try:
        if path.is_file():  # and no pipe, which would wait for its writer
            with open(path, "rb") as file:
                return file.read(_LONGEST)
    except OSError:
        pass
    return b""


def _start_of_member(archive: ZipFile, name: str) -> bytes:
    # RuntimeError is what zipfile raises on an encrypted member.
    with suppress(OSError, BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        with archive.open(name) as member:
            return member.read(_LONGEST)
    return b""
