"""The owner of a run directory: only one process at a time may write it.

Two files: ``lock`` is a lock of the operating system, which is released even if the owner is
killed; ``owner.json`` names the owner and is removed at a normal exit. Locks of other hosts may be
invisible on network file systems, so for another host ``owner.json`` decides.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ganzoo.errors import RunLocked
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


@contextlib.contextmanager
def hold(directory: Path, *, take_over: bool = False) -> Iterator[Owner]:
    """Own `directory` until the end of the block.

    Raises:
        RunLocked: another process owns it, or a process on another host did and never released
            it; `take_over` ignores the latter.
        UsageError, DiskFull: the directory cannot be written.
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
        remove_leftovers(directory)
        write_atomic(directory / OWNER, to_json(asdict(owner)))
    except Timeout:
        raise _locked(directory) from None
    except OSError as error:
        lock.release()
        raise unwritable(directory, error) from error
    try:
        yield owner
    finally:
        (directory / OWNER).unlink(missing_ok=True)
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
