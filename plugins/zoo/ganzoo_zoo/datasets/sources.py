"""Pictures by name, in a directory or in a zip, which is read in place and never extracted."""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from posixpath import splitext
from typing import BinaryIO, Protocol

from ganzoo.api import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 256 * 1024**2
MAX_RATIO = 100
RATIO_MATTERS_FROM_BYTES = 1024**2


class Source(Protocol):
    """A set of pictures. Names are relative paths with ``/``, sorted."""

    path: Path
    names: tuple[str, ...]

    def open(self, name: str) -> BinaryIO:
        """Open a picture as a seekable stream."""

    def stamp(self, name: str) -> tuple[int, int]:
        """Return two numbers that change when the picture does."""


def open_source(path: Path) -> Source:
    """List the pictures in a directory or a zip, without hidden ones and ``__MACOSX``.

    Raises:
        DataError: no such path, no picture in it, or a zip that is damaged or unsafe.
    """
    try:
        source: Source = Directory(path) if path.is_dir() else Archive(path)
    except FileNotFoundError as error:
        raise DataError(f"there is no folder or zip {path}", hint="dataset.path=FOLDER") from error
    except OSError as error:
        raise DataError(f"{path} cannot be listed: {error.strerror or error}") from error
    if not source.names:
        raise DataError(
            f"there are no pictures in {path}",
            hint=f"dataset.path=FOLDER with files that end in {', '.join(SUFFIXES)}",
        )
    return source


def is_picture(name: str) -> bool:
    """Whether a relative path names a picture that is not hidden.

    A path that leads out of its archive (``../x.png``, ``/x.png``) counts as hidden.
    """
    shown = all(part and part[0] != "." and part != "__MACOSX" for part in name.split("/"))
    return shown and splitext(name)[1].lower() in SUFFIXES


class Directory:
    """A directory tree. Links are followed; each directory is entered once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = tuple(sorted(name for name in walk(path) if is_picture(name)))

    def open(self, name: str) -> BinaryIO:
        return open(self.path / name, "rb")

    def stamp(self, name: str) -> tuple[int, int]:
        status = os.stat(self.path / name)
        return status.st_size, status.st_mtime_ns


def walk(root: Path) -> Iterator[str]:
    """Yield the paths of all files and of broken links, but not of pipes and devices."""
    entered = set()
    pending = [""]
    while pending:
        folder = pending.pop()
        status = os.stat(root / folder)
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(root / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name, reverse=True)
        for entry in found:  # an entry knows its type, a link needs a stat
            is_link = entry.is_symlink()
            if os.path.isdir(entry) if is_link else entry.is_dir():
                pending.append(f"{folder}{entry.name}/")
            elif entry.is_file(follow_symlinks=False) or (is_link and not is_special(entry)):
                yield folder + entry.name


def is_special(link: os.DirEntry[str]) -> bool:
    """Whether a link leads to a pipe, a device or a socket."""
    return os.path.exists(link) and not os.path.isfile(link)


class Archive:
    """A zip. Every process opens its own handle, so forked workers do not share a file offset.

    Raises:
        DataError: the file is no zip, is encrypted, or exceeds the limits on members and ratios.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        members = self._zip().infolist()
        if len(members) > MAX_MEMBERS:
            raise DataError(f"{path} has {len(members):,} members, more than {MAX_MEMBERS:,}")
        self._members = {
            member.filename.replace("\\", "/"): member
            for member in members
            if is_picture(member.filename.replace("\\", "/"))
        }
        for member in self._members.values():
            self._require_harmless(member)
        self.names = tuple(sorted(self._members))

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self._zip().read(self._members[name]))

    def stamp(self, name: str) -> tuple[int, int]:
        return self._members[name].file_size, self._members[name].CRC

    def _zip(self) -> zipfile.ZipFile:
        if self._opened is None or self._opened[0] != os.getpid():
            try:
                self._opened = os.getpid(), zipfile.ZipFile(self.path)
            except (zipfile.BadZipFile, NotImplementedError) as error:
                raise DataError(
                    f"{self.path} is neither a folder nor a zip that can be read: {error}"
                ) from error
        return self._opened[1]

    def _require_harmless(self, member: zipfile.ZipInfo) -> None:
        what = None
        if member.flag_bits & 1:
            what = "is encrypted"
        elif member.file_size > MAX_MEMBER_BYTES:
            what = f"would unpack to {member.file_size:,} bytes, more than {MAX_MEMBER_BYTES:,}"
        elif member.file_size > max(RATIO_MATTERS_FROM_BYTES, MAX_RATIO * member.compress_size):
            what = f"would unpack to more than {MAX_RATIO} times its size"
        if what:
            raise DataError(f"{self.path}: {member.filename} {what}", hint="unpack it yourself")

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_opened": None}
