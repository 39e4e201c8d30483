"""Signals and time limits set a flag; loops look at it where it is safe to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from ganzoo.errors import GanzooError, Interrupted, Unfinished

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class StopAsked(GanzooError):
    """Long work that can be done again was left because the run should stop."""


@dataclass
class StopFlag:
    """Why the run should stop, if it should. A second signal ends the process at once.

    Args:
        max_seconds: how long the run may take; None: no limit.
        started: since when, by `time.monotonic`.
    """

    max_seconds: float | None = None
    received: int | None = None
    started: float = field(default_factory=time.monotonic)
    _raises: bool = False

    @property
    def reason(self) -> str | None:
        """A signal's name, ``time limit``, or None to go on."""
        if self.received is not None:
            return signal.Signals(self.received).name
        if self.max_seconds is not None and time.monotonic() - self.started >= self.max_seconds:
            return "time limit"
        return None

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        """Take note of a signal."""
        if self.received is not None:
            os._exit(128 + number)
        self.received = number
        if self._raises:
            self.look()

    def look(self) -> None:
        """Raise StopAsked if the run should stop: for loops inside of which nothing is saved."""
        if self.reason is not None:
            raise StopAsked(f"stopped by {self.reason}")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, a signal raises StopAsked where it comes: for long reading in one piece.

        Nothing may be written there. The time limit is not looked at: however short it is, a run
        comes on by a step.
        """
        if self.received is not None:
            self.look()
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def error(self, run: str, step: int) -> GanzooError:
        """Return the error that ends the command, once the state is saved, if there is any."""
        saved = f"at step {step}, state saved" if step else "before the first step"
        message = f"stopped by {self.reason or 'another rank'} {saved}"
        hint = f"ganzoo resume {run}"
        if self.received in (signal.SIGINT, signal.SIGTERM):
            return Interrupted(message, exit_code=128 + int(self.received), hint=hint)
        return Unfinished(message, hint=hint)


@contextmanager
def stop_flag(max_seconds: float | None = None, started: float | None = None) -> Iterator[StopFlag]:
    """Catch SIGINT, SIGTERM and SIGUSR1 in a flag while inside (in a main thread).

    Args:
        max_seconds, started: as `StopFlag` takes them; None: from now on.
    """
    flag = StopFlag(max_seconds, started=time.monotonic() if started is None else started)
    try:
        before = {number: signal.signal(number, flag.receive) for number in SIGNALS}
    except ValueError:
        yield flag
        return
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
