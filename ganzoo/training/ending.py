"""How a run ends badly: what is written down of it, and what the user is told to try."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import format_exception

from ganzoo.components.plan import Plan
from ganzoo.errors import (
    DeviceError,
    DiskFull,
    GanzooError,
    OutOfMemory,
    out_of_memory,
    says_no_memory,
)
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import no_room_in, says_no_room
from ganzoo.runs.references import command, reference_to
from ganzoo.training.advice import anew, smaller
from ganzoo.training.processes import PeerGone, Processes, says_peer_gone
from ganzoo.training.reporter import Reporters

_READER_GONE = re.compile(r"DataLoader worker \(pid.*\) (is killed|exited unexpectedly)")
"""What torch says, wherever the run just is, of one that the kernel killed for memory, say."""


@contextmanager
def ending(
    plan: Plan, directory: RunDirectory, processes: Processes, reporters: Reporters
) -> Iterator[None]:
    """Write down how a run failed, and say it as an error of `ganzoo.errors` where it is one.

    Interrupted runs need no word: their lock is gone. Of several processes each writes down what
    it failed of itself; those that only miss it have nothing to add.

    Raises:
        PeerGone: another process has ended.
        GanzooError: as it was, or what a full disk or memory is told as.
    """
    try:
        yield
    except GanzooError as error:
        interrupted = error.exit_code in (75, 130, 143)
        if not interrupted and not isinstance(error, PeerGone):
            _write_down(directory, processes, error.message, error.exit_code)
        reporters.tell("finished", "interrupted" if interrupted else "failed")
        raise
    except Exception as error:
        reporters.tell("finished", "failed")
        if says_no_memory(error):
            _write_down(directory, processes, str(error), OutOfMemory.exit_code)
            override = smaller(plan, processes.world_size)
            raise out_of_memory(error, anew(directory, override) if override else None) from error
        if processes.world_size > 1 and says_peer_gone(error):
            raise PeerGone from error
        if isinstance(error, RuntimeError) and _READER_GONE.match(str(error)):
            _write_down(directory, processes, str(error), DeviceError.exit_code)
            raise DeviceError(
                f"a process that reads the data was ended from outside: {str(error).strip()}",
                hint=command("resume", reference_to(directory.path)),
            ) from error
        no_room = says_no_room(error)
        code = DiskFull.exit_code if no_room else GanzooError.exit_code
        _write_down(directory, processes, f"{type(error).__name__}: {error}", code)
        log = directory.log_file
        if not processes.is_main:
            log = log.with_stem(f"{log.stem}-rank{processes.rank}")
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.writelines(format_exception(error))
        if no_room:
            raise no_room_in(directory.path) from error
        raise


def _write_down(directory: RunDirectory, processes: Processes, what: str, exit_code: int) -> None:
    """Add the event ``failed``; a full disk, which may be what it is about, is no second error."""
    rank = {"rank": processes.rank} if processes.world_size > 1 else {}
    with suppress(OSError):
        directory.append_event("failed", error=what, exit_code=exit_code, **rank)
