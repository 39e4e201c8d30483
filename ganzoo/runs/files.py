"""Atomic and durable files, hashes, and errors of a full disk."""

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
    """No room for a checkpoint: the disk, a quota or a file size limit. errno is ENOSPC.

    The older checkpoints are intact, so the run goes on. After several in a row the trainer raises
    `ganzoo.errors.DiskFull`.
    """


def says_no_room(error: BaseException | None) -> bool:
    """Return whether an error, or one of its causes, means a full disk.

    safetensors and ``torch.save`` raise no OSError for it: the first puts ``(os error 28)`` into
    its message, the second reports an unexpected file position.
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
    """Return the error for the user when `place` cannot be written.

    Args:
        hint: what to try; None: the command that shows the permissions of `place`.
    """
    if says_no_room(error):
        return no_room_in(place)
    return UsageError(
        f"{place} cannot be written: {error.strerror or error}",
        hint=hint or f"ls -ld {shlex.quote(str(place))}",
    )


def no_room_in(place: Path) -> DiskFull:
    """Return the error for the user when the disk of `place` is full."""
    return DiskFull(f"no room in {place}", hint=f"df -h {shlex.quote(str(place))}")


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable. On Windows this is neither possible nor needed."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
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
    """Replace a file atomically and durably: readers and crashes see the old content or the new."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_new(temporary, data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def remove_leftovers(directory: Path) -> None:
    """Remove the temporary files of writes that were killed. Requires ownership of `directory`."""
    for temporary in directory.glob(".*.tmp"):
        temporary.unlink(missing_ok=True)


def usual_mode(directory: Path) -> int:
    """Return the mode of a new file in `directory`: 0666 without the bits of the umask.

    Created and read back, because reading the umask requires changing it for all threads.
    """
    probe = directory / f".mode-{secrets.token_hex(4)}"
    probe.touch(exist_ok=False)
    try:
        return stat.S_IMODE(probe.stat().st_mode)
    finally:
        probe.unlink()
