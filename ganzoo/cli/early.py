"""Where a command begins: signals are caught before anything is imported, checked or read."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ganzoo.errors import Unfinished

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
LONG = ("run", "resume", "score")
"""The verbs that a scheduler starts. A run catches its signals by itself, from its directory on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with stoppable(arguments):
        from ganzoo.cli.entry import invoke  # which takes a tenth of a second

        return invoke(arguments)


@contextmanager
def stoppable(arguments: Sequence[str]) -> Iterator[None]:
    """Inside, a signal ends a long verb at once, with its exit code and what to type again.

    There is nothing to save, so that nothing is raised: whatever is being imported could take an
    exception for a failure of its own. Anywhere but in a main thread nothing is caught.
    """
    verb = next((word for word in arguments if not word.startswith("-")), None)
    if verb not in LONG:
        yield
        return
    again, owner = shlex.join(["ganzoo", *arguments]), os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        code = Unfinished.exit_code if number == signal.SIGUSR1 else 128 + number
        if os.getpid() == owner:  # and no worker that inherited the handler
            name = signal.Signals(number).name
            words = f"stopped by {name}: nothing was being trained, there is nothing to save"
            os.write(2, os.fsencode(f"{words}\ntry: {again}\n"))
        os._exit(code)

    try:
        before = {number: signal.signal(number, stop) for number in SIGNALS}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
