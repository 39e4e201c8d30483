"""The owner of a run directory: only one process at a time may write it.

Two files: ``lock`` is a lock of the operating system, which is released even if the owner is
killed; ``owner.json`` names the owner and is removed at a normal exit. Locks of other hosts may be
invisible on network file systems, so for another host ``owner.json`` decides.

A directory that is renamed while it is owned is followed to its new place, see `Hold.place`.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ganzoo.errors import CheckpointError, RunLocked
from ganzoo.runs.files import remove_leftovers, unwritable, write_atomic
from ganzoo.runs.records import to_json, utc_now
from ganzoo.runs.references import command, reference_to
from ganzoo.untrusted import parse_json, read_regular

LOCK, OWNER = "lock", "owner.json"

_PATIENCE = 0.5
"""Seconds to wait for the lock: longer than `is_held` in another process holds it."""


@dataclass(frozen=True)
class Owner:
    """The process that writes a run directory: id, host name, start time (ISO 8601, UTC)."""

    pid: int
    host: str
    started: str

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host} since {self.started}"


class Hold:
    """A directory that this process owns.

    Args:
        path: of the directory, which has its owner.json already.
    """

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path, self.owner = path, owner
        # Open directories keep their identity when they are renamed. Windows has none, and does
        # not let anybody rename a directory with open files.
        self._descriptor = None if os.name == "nt" else os.open(path, os.O_RDONLY)

    def place(self) -> Path:
        """Return the directory's current path: it, or one above it, may have been renamed.

        Raises:
            CheckpointError: it was deleted, or it cannot be found any more.
            RunLocked: another process has taken it over.
        """
        found = owner_of(self.path)
        if found == self.owner or self._descriptor is None:
            return self.path
        if self._is_at(self.path):
            if found is None:  # only owner.json is gone
                return self.path
            raise RunLocked(f"{self.path} was taken over by {found}", hint=f"kill {found.pid}")
        with contextlib.suppress(OSError):  # /proc is Linux's
            moved = Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))
            if self._is_at(moved):
                here = Path.cwd()
                return moved.relative_to(here) if moved.is_relative_to(here) else moved
        again = command("resume", reference_to(self.path))
        raise CheckpointError(
            f"{self.path} was deleted, or moved to another disk, while its run was training: "
            "nothing can be saved any more",
            hint=f"{again}   # once it is back",
        )

    def _is_at(self, path: Path) -> bool:
        assert self._descriptor is not None
        try:
            return os.path.samestat(path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def end(self) -> None:
        """Remove owner.json, if it is still this owner's."""
        with contextlib.suppress(OSError, CheckpointError, RunLocked):
            (self.place() / OWNER).unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)


@contextlib.contextmanager
def hold(directory: Path, *, take_over: bool = False) -> Iterator[Hold]:
    """Own `directory` until the end of the block.

    Raises:
        RunLocked: another process owns it, or a process on another host did and never released
            it; `take_over` ignores the latter.
        UsageError, DiskError: the directory cannot be written.
    """
    claimant = owner_of(directory)
    foreign = claimant is not None and claimant.host != socket.gethostname()
    if claimant and foreign and not take_over:
        resume = command("resume", reference_to(directory))
        raise RunLocked(
            f"{directory} is in use by {claimant}, which cannot be checked from this host",
            hint=f"{resume} --take-over   # if that process no longer runs",
        )
    if foreign:
        (directory / LOCK).unlink(missing_ok=True)
    owner = Owner(os.getpid(), socket.gethostname(), utc_now())
    lock = FileLock(directory / LOCK, timeout=_PATIENCE)
    try:
        lock.acquire()
        for place in (directory, *filter(Path.is_dir, directory.iterdir())):
            remove_leftovers(place)
        write_atomic(directory / OWNER, to_json(asdict(owner)))
        held = Hold(directory, owner)
    except Timeout:
        raise _locked(directory) from None
    except OSError as error:
        lock.release()
        raise unwritable(directory, error) from error
    try:
        yield held
    finally:
        held.end()
        lock.release()


def is_held(directory: Path) -> bool:
    """Return whether a process owns `directory`, as far as this host can tell."""
    owner = owner_of(directory)
    if owner and owner.host != socket.gethostname():
        return True
    if not (directory / LOCK).exists():
        return False
    lock = FileLock(directory / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        # Another user's run or a read-only disk: the lock cannot be tried, so owner.json decides.
        return owner is not None
    lock.release()
    return False


def owner_of(directory: Path) -> Owner | None:
    """Return the owner that owner.json names; None if there is none or it cannot be read."""
    try:
        return Owner(**parse_json(read_regular(directory / OWNER)))
    except (OSError, ValueError, TypeError):
        return None


def _locked(directory: Path) -> RunLocked:
    owner = owner_of(directory)
    stop = f", or stop it: kill {owner.pid}" if owner else ""
    return RunLocked(
        f"{directory} is in use by {owner or 'another process'}",
        hint=f"wait until it is done{stop}",
    )
