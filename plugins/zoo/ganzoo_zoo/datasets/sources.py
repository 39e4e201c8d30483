"""Pictures by name, in a directory or in a zip, which is read in place and never extracted."""

import io
import os
import shlex
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from posixpath import normpath, splitext
from typing import BinaryIO, Protocol

from ganzoo.api import (
    DataError,
    SourceFile,
    open_zip,
    parse_json,
    read_member,
    require_readable,
)
from ganzoo_zoo.datasets.pictures import DAMAGE, START, is_suffix, starts_a_picture

LABELS = "dataset.json"
"""Labels of the pictures, as StyleGAN's tools write them: ``{"labels": [[name, number], ...]}``."""

OF_THE_SYSTEM = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
"""Folders that systems make by themselves; they may hold thumbnails."""

MAX_LABEL_BYTES = 1 << 28

MOST_CLASSES = 1_000_000

FILES_OF_THE_SYSTEM = ("Thumbs.db", "desktop.ini")


class Source(Protocol):
    """A set of pictures. Names are relative paths with ``/``, sorted."""

    path: Path
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    """Files that are no pictures, sorted, without hidden files and those of the system."""
    has_labels: bool
    """Whether there is a file `LABELS`."""

    def open(self, name: str) -> BinaryIO:
        """Open a file as a seekable stream."""

    def stamp(self, name: str) -> str:
        """Return what changes when the picture does: size and modification time, or CRC."""

    def file(self, name: str) -> SourceFile:
        """Return where a file is."""


def open_source(path: Path) -> Source:
    """List the pictures in a directory or a zip, without hidden ones and those of the system.

    A picture has a suffix of a format that Pillow reads, or begins like one.

    Raises:
        DataError: no such path, no picture in it, or a zip that is damaged or unsafe.
    """
    try:
        if not path.exists():
            raise DataError(f"there is no folder or zip {path}", hint="dataset.path=FOLDER")
        if path.is_file() and not zipfile.is_zipfile(path):
            raise DataError(f"{path} is neither a folder nor a zip", hint="dataset.path=FOLDER")
        source: Source = Directory(path) if path.is_dir() else Archive(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be listed: {error.strerror or error}",
            hint=shlex.join(["ls", "-ld", str(path)]),
        ) from error
    if not source.names:
        files = f", only files such as {source.left_out[0]}" if source.left_out else ""
        raise DataError(
            f"there are no pictures in {path}{files}",
            hint="dataset.path=FOLDER with PNG, JPEG or other pictures that Pillow reads",
        )
    return source


def labels_in(source: Source) -> dict[str, int] | None:
    """Return name → number of its class from the source's `LABELS`; None if it names no classes.

    Raises:
        DataError: the file is damaged, or a picture has no label.
    """
    place = f"{source.path}/{LABELS}"
    try:
        with source.open(LABELS) as file:
            pairs = parse_json(file.read(MAX_LABEL_BYTES))["labels"]
        if not pairs:
            return None
        found = {str(name): number for name, number in pairs}
    except DAMAGE as error:
        raise DataError(f"{place} holds no labels: {error}", hint="remove the file") from error
    for name, number in found.items():
        if type(number) is not int or not 0 <= number < MOST_CLASSES:
            raise DataError(
                f"{place}: the label of {name} is not a whole number from 0 on",
                hint="number the classes from 0, or remove the file",
            )
    if missing := [name for name in source.names if name not in found]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            f"{place} has no label for {missing[0]}{more}",
            hint="add them, or remove the file: sub-folders are classes then",
        )
    return found


def is_shown(name: str) -> bool:
    """Whether a relative path is neither hidden nor in a folder of the system.

    A path that leads out of its archive (``../x.png``, ``/x.png``) counts as hidden.
    """
    parts = name.split("/")
    return (
        all(part and part[0] != "." and part not in OF_THE_SYSTEM for part in parts)
        and parts[-1] not in FILES_OF_THE_SYSTEM
    )


def sorted_out(
    files: Iterable[str], start_of: Callable[[str], bytes]
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return the pictures among files, the others, and whether `LABELS` is there.

    Args:
        start_of: returns the first bytes of a file; called where the suffix does not tell.
    """
    names, others, labels = [], [], False
    for name in sorted(filter(is_shown, files)):
        if name == LABELS:
            labels = True
        elif is_suffix(splitext(name)[1]) or starts_a_picture(start_of(name)):
            names.append(name)
        else:
            others.append(name)
    return tuple(names), tuple(others), labels


class Directory:
    """A directory tree. Links are followed; each directory is entered once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names, self.left_out, self.has_labels = sorted_out(walk(path), self._start_of)

    def open(self, name: str) -> BinaryIO:
        return open(self.path / name, "rb")

    def stamp(self, name: str) -> str:
        status = os.stat(f"{self.path}/{name}")
        return f"{status.st_size} {status.st_mtime_ns}"

    def file(self, name: str) -> SourceFile:
        return self.path / name

    def _start_of(self, name: str) -> bytes:
        try:
            with self.open(name) as file:
                return file.read(START)
        except OSError:  # it may be a broken link: no picture
            return b""


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
        self._members = {
            normpath(member.filename.replace("\\", "/")): member
            for member in members
            if member.filename and not member.is_dir()
        }
        self.names, self.left_out, self.has_labels = sorted_out(self._members, self._start_of)
        for name in (*self.names, *([LABELS] if self.has_labels else [])):
            require_readable(f"{path}: {name}", self._members[name])

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(read_member(self._zip(), self._members[name]))

    def _start_of(self, name: str) -> bytes:
        try:
            with self._zip().open(self._members[name]) as file:
                return file.read(START)
        except DAMAGE:
            return b""

    def stamp(self, name: str) -> str:
        return f"{self._members[name].file_size} {self._members[name].CRC}"

    def file(self, name: str) -> SourceFile:
        return zipfile.Path(self._zip(), self._members[name].filename)

    def _zip(self) -> zipfile.ZipFile:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), open_zip(self.path)
        return self._opened[1]

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_opened": None}
