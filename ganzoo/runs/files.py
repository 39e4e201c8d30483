"""Atomic and durable files, hashes, and the errors of files that cannot be read or written.

An OSError raised here names its file. `file_error` turns it into an error of `ganzoo.errors`, in
the command line and in `ganzoo.training.ending`.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shlex
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from ganzoo.errors import DiskError, DiskFull, GanzooError, UsageError, culprit
from ganzoo.registry.names import DEFAULT_NAMESPACE

TEMPORARY = ".tmp-"
"""How the names of files and directories begin that are not complete yet."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BROKEN = {errno.EIO, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENFILE}
_ELSEWHERE = {
    errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
    errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.ETXTBSY,
}  # fmt: skip
"""The chosen path is unsuitable: UsageError. Other errors of the system are DiskError."""

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_TORCH_WRITER = re.compile(
    r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+|file write failed"
)


# --- errors of files -----------------------------------------------------------------------------


class NoRoom(OSError):
    """No room for a checkpoint: the disk, a quota or a file size limit. errno is ENOSPC.

    The older checkpoints are intact, so the run goes on. After several in a row the trainer raises
    `ganzoo.errors.DiskFull`.
    """


def says_no_room(error: BaseException | None) -> bool:
    """Return whether an error, or one of its causes, means a full disk."""
    while error is not None:
        found = os_error(error)
        if found is not None and found.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def os_error(error: BaseException) -> OSError | None:
    """Return the OSError that an error is, or stands for; None: neither.

    safetensors puts ``(os error 28)`` into its message. ``torch.save`` reports an unexpected file
    position, whose cause is an OSError of the file if that is one of Python's.
    """
    if isinstance(error, OSError):
        return error
    if found := _OS_ERROR.search(str(error)):
        number = int(found[1])
        return OSError(number, os.strerror(number))
    if isinstance(error, RuntimeError) and _TORCH_WRITER.search(str(error)):
        behind = error.__cause__ or error.__context__
        found_behind = os_error(behind) if behind else None
        return found_behind or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return None


def file_error(
    error: BaseException, place: Path | None = None, hint: str | None = None
) -> GanzooError | None:
    """Return the error for the user if a file could not be read or written; None: another error.

    A plugin's own error about a file is another error, unless the disk has failed.

    Args:
        place: what was being written, for an error that names no file.
        hint: what to try; None: the command that shows the room, or the permissions.
    """
    found = os_error(error)
    if found is None and says_no_room(error):
        found = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if found is None or isinstance(found, ConnectionError):
        return None
    named = isinstance(found.filename, str | bytes)
    known = found.errno in _FULL | _BROKEN
    blamed = None if known or place else culprit(error)
    if not (named or known or place) or (blamed and blamed[0] != DEFAULT_NAMESPACE):
        return None
    what = "written" if place else "read or written"
    place = Path(os.fsdecode(found.filename)) if named else place or Path.cwd()
    return unwritable(place, found, hint, what)


def unwritable(
    place: Path, error: OSError, hint: str | None = None, what: str = "written"
) -> GanzooError:
    """Return the error for the user when `place` cannot be written.

    Args:
        hint: what to try; None: the command that shows the room, or the permissions.
        what: cannot be done with it.
    """
    there = shlex.quote(str(place))
    if says_no_room(error):
        return DiskFull(f"no room in {place}: {_reason(error)}", hint=hint or f"df -h {there}")
    kind = UsageError if error.errno in _ELSEWHERE else DiskError
    return kind(f"{place} cannot be {what}: {_reason(error)}", hint=hint or f"ls -ld {there}")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


@contextlib.contextmanager
def writing(place: Path, hint: str | None = None) -> Iterator[None]:
    """Raise an error for the user if a file cannot be written inside.

    Raises:
        UsageError, DiskError: names the file, or `place` if the error names none.
    """
    try:
        yield
    except GanzooError:
        raise
    except Exception as error:
        if failed := file_error(error, place, hint):
            raise failed from error
        raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name `path` in an OSError that names no file, as those of write and fsync do not."""
    try:
        yield
    except OSError as error:
        if _of_system(error) and error.filename is None:
            error.filename = str(path)
        raise


def _of_system(error: BaseException) -> TypeGuard[OSError]:
    """Return whether it is an OSError with an errno; text alone would not be shown with a name."""
    return isinstance(error, OSError) and error.errno is not None


# --- durable files -------------------------------------------------------------------------------


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable. On Windows this is neither possible nor needed."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with naming(directory):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with naming(path), path.open("r+b") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hex."""
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet, and make its content durable; or leave none."""
    with naming(path), path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file atomically and durably: readers and crashes see the old content or the new."""
    with replacing(path) as temporary, naming(temporary):
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write, which then replaces `path` atomically and durably.

    It has the same suffix. A device or a pipe, such as ``/dev/stdout``, is yielded itself.
    """
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():
        yield path
        return
    temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(target)
        sync_directory(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if _of_system(error) and error.filename in (None, str(temporary)):
            error.filename = str(path)
            del error.filename2  # None would be shown
        raise


def remove_leftovers(directory: Path, older_than_seconds: float = 0) -> None:
    """Remove what interrupted writes have left in a directory.

    Requires ownership of `directory`, unless only what is old is removed.
    """
    for left in directory.glob(f"{TEMPORARY}*"):
        if time.time() - left.lstat().st_mtime < older_than_seconds:
            continue
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


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
