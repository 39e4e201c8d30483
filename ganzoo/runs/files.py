"""Files that are whole or not there: atomic writes, fsync, hashes, and what a full disk says."""

import errno
import hashlib
import os
import re
import secrets
import shlex
import stat
from pathlib import Path

from ganzoo.errors import DiskFull, GanzooError, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_TORCH_WRITER = re.compile(
    r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+|file write failed"
)


class NoRoom(OSError):
    """The disk, a quota or a file size limit has no room for a checkpoint. errno is ENOSPC.

    Not yet the end of a run: the older checkpoints are untouched. `ganzoo.errors.DiskFull` is what
    the engine makes of several in a row.
    """


def says_no_room(error: BaseException | None) -> bool:
    """Return whether an error, or one that it comes from, is about a full disk.

    safetensors and ``torch.save`` do not raise OSError there: the first writes ``(os error 28)``
    into its message, the second complains of a position that it did not expect.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(int(number) in _FULL for number in _OS_ERROR.findall(str(error))):
            return True
        if isinstance(error, RuntimeError) and _TORCH_WRITER.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def unwritable(place: Path, error: OSError, hint: str | None = None) -> GanzooError:
    """Return what to tell the user when `place` cannot be written; `hint` is the way out, if any.

    Without one the reader is told how to see who may write there.
    """
    if says_no_room(error):
        return no_room_in(place)
    return UsageError(
        f"{place} cannot be written: {error.strerror or error}",
        hint=hint or f"ls -ld {shlex.quote(str(place))}",
    )


def no_room_in(place: Path) -> DiskFull:
    """Return what to tell the user when the disk that holds `place` is full."""
    return DiskFull(f"no room in {place}", hint=f"df -h {shlex.quote(str(place))}")


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet, and make its content durable."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file: a reader, and a crash at any moment, sees the old content or the new."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_new(temporary, data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def usual_mode(directory: Path) -> int:
    """Return the mode that a new file in `directory` gets: 0666 less the umask.

    Asked of the file system, since reading the umask means changing it for every thread.
    """
    probe = directory / f".mode-{secrets.token_hex(4)}"
    probe.touch(exist_ok=False)
    try:
        return stat.S_IMODE(probe.stat().st_mode)
    finally:
        probe.unlink()
