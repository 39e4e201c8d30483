"""Files of known length, from a folder or from a tar archive that is read in place."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from ganzoo.api import DAMAGE, DataError, require_harmless


def read_files(path: Path, lengths: Mapping[str, int], *, of: str, hint: str) -> dict[str, bytes]:
    """Return the content of each file by name.

    Args:
        path: a folder with the files, or a tar in any of whose folders they are.
        lengths: name → length in bytes.
        of: what the files are, for errors: "the binary version of CIFAR-10".

    Raises:
        DataError: a file is missing or has another length; the tar is truncated, or is none.
    """
    read = from_folder if path.is_dir() else from_archive
    found = dict(read(path, lengths, hint))
    for name, length in lengths.items():
        found_length = len(found[name]) if name in found else None
        require_length(path / name, found_length, length, of=of, hint=hint)
    return found


def file_length(path: Path) -> int | None:
    """Return the length in bytes, or None if there is no such file."""
    return path.stat().st_size if path.is_file() else None


def require_length(path: Path, length: int | None, expected: int, *, of: str, hint: str) -> None:
    """Raise DataError unless a file exists and has the expected length in bytes."""
    if length != expected:
        what = "is missing" if length is None else f"has {length:,} bytes, not {expected:,}"
        raise DataError(f"{path} {what}: this is not {of}, or not all of it", hint=hint)


def from_folder(folder: Path, lengths: Mapping[str, int], hint: str) -> Iterator[tuple[str, bytes]]:
    for name, length in lengths.items():
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                yield name, file.read(length + 1)


def from_archive(
    archive: Path, lengths: Mapping[str, int], hint: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the members with these names, from any folder of the archive, in its order.

    Raises:
        DataError: the file is truncated, or is no archive.
    """
    unpacked = 0
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name, unpacked = PurePosixPath(member.name).name, unpacked + member.size
                require_harmless(str(archive), unpacked, archive.stat().st_size)
                if member.isfile() and name in lengths:
                    opened = members.extractfile(member)
                    assert opened is not None
                    yield name, opened.read(lengths[name] + 1)
    except (*DAMAGE, tarfile.TarError) as error:
        words = str(error).partition(":\n")[0]  # after it tarfile lists what it tried
        raise DataError(f"{archive} cannot be read: {words}", hint=hint) from error
