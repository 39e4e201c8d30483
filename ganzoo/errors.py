"""Every error that ganzoo raises on purpose, and the exit code that each one ends a command with.

    GanzooError                 1   a bug, or something that nobody foresaw
    ├── UsageError              2   the command line, or a verb or key that is not there yet
    │   ├── RecipeError         2   a recipe: every problem found, with file, line, column
    │   ├── PluginError         2   an unknown, broken or misused plugin
    │   └── ComparisonError     2   nothing that can be ranked together
    ├── BrokenPlugin            2   what a plugin raised, under GANZOO_STRICT=1
    ├── Diverged                3   a loss, gradient or weight that is not finite
    ├── DataError               4   a data set that is missing, damaged or of the wrong form
    ├── CheckpointError         5   a checkpoint that cannot be read or must not be written
    ├── RunLocked               6   a run directory that another process is writing
    ├── DiskFull                7   no room for a checkpoint, three times in a row
    ├── OutOfMemory             8   a batch that does not fit
    ├── DeviceError             9   a device, or a number of processes, that is not there
    ├── Unfinished             75   stopped in good order before the end: resume me
    └── Interrupted       130, 143  stopped by SIGINT or SIGTERM, with its state saved

`ganzoo.cli` prints the message on one line, and the hint, if there is one, on a second line that
begins with ``try:``. Only a bug shows a traceback, and a plugin under ``GANZOO_STRICT=1``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class GanzooError(Exception):
    """An error with one line of explanation and, where there is one, one line of advice.

    `hint` is what the reader can type or change next, without the word ``try:``.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GanzooError):
    """The command line asks for something that does not exist, or does not exist yet."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a recipe: where it stands, which key it is about, and what is wrong.

    `line` and `column` count from 1; both are 0 where there is no file (a command-line override).
    """

    file: str
    line: int
    column: int
    path: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}  {self.path}  {self.what}" if self.path else f"{place}  {self.what}"


class RecipeError(UsageError):
    """A recipe that cannot be run. `problems` holds every mistake that was found.

    `partial` is the recipe without its wrong values, or None if too little is left for the next
    passes to check.
    """

    def __init__(self, problems: Sequence[Problem], *, hint: str | None = None) -> None:
        super().__init__("\n".join(map(str, problems)), hint=hint)
        self.problems = tuple(problems)
        self.partial: Any = None


class Findings:
    """Collects the problems of one pass, each with its hint, and raises them all at once.

    They are raised sorted by line, with the hint of the first problem that has one.
    """

    def __init__(self) -> None:
        self._hints: dict[Problem, str | None] = {}

    def add(self, problem: Problem, hint: str | None = None) -> None:
        """Add a problem; a duplicate is kept once."""
        self._hints[problem] = self._hints.get(problem) or hint

    def take(self, error: RecipeError) -> None:
        """Add the problems of an error that another pass raised."""
        for problem in error.problems:
            self.add(problem, error.hint)

    def raise_any(self) -> None:
        """Raise the problems, if there are any.

        Raises:
            RecipeError: with every problem.
        """
        if self._hints:
            problems = sorted(self._hints)
            hints = (self._hints[each] for each in problems)
            raise RecipeError(problems, hint=next(filter(None, hints), None))


class PluginError(UsageError):
    """A plugin, or one of its components, that is unknown, broken, incompatible or misused."""


class ComparisonError(UsageError):
    """There is nothing that can honestly be ranked together."""


class BrokenPlugin(GanzooError):
    """A plugin that cannot be loaded, where ``GANZOO_STRICT=1`` asks for its traceback.

    What it raised is the cause. No `PluginError`: whoever goes on without a broken plugin, or
    quotes it in one line, must not hold this back.
    """

    exit_code = 2


class Diverged(GanzooError):
    """A term, a gradient or a weight is not finite, and the recipe says to stop."""

    exit_code = 3


class DataError(GanzooError):
    """A data set that is missing, damaged, or not of the form that it declares."""

    exit_code = 4


class CheckpointError(GanzooError):
    """A checkpoint that cannot be read, or that must not be written."""

    exit_code = 5


class RunLocked(GanzooError):
    """Another process is writing this run directory."""

    exit_code = 6


class DiskFull(GanzooError):
    """There was no room for a checkpoint, three times in a row."""

    exit_code = 7


class OutOfMemory(GanzooError):
    """The device has no room for this batch."""

    exit_code = 8


def says_no_memory(error: BaseException) -> bool:
    """Return whether an error is about memory: Python's own, a GPU's, or torch's on a CPU.

    The last is a RuntimeError that only its words tell from others.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def out_of_memory(error: BaseException, hint: str | None = None) -> OutOfMemory:
    """Return what to tell the user of an error that `says_no_memory`."""
    lines = str(error).strip().splitlines() or ["no room for what was to be computed"]
    words = lines[0].rpartition("DefaultCPUAllocator: ")[2]
    return OutOfMemory(f"out of memory: {words}", hint=hint)


class DeviceError(GanzooError):
    """A device, or a number of processes, that was asked for is not there."""

    exit_code = 9


class Unfinished(GanzooError):
    """The run stopped in good order before its end (time limit, SIGUSR1) and can be resumed."""

    exit_code = 75


class Interrupted(GanzooError):
    """SIGINT (exit code 130) or SIGTERM (143) stopped the run; its state is saved."""

    def __init__(self, message: str, *, exit_code: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def truncate(value: object, length: int = 60) -> str:
    """Return ``str(value)`` for a message, shortened to `length` characters."""
    words = str(value)
    return words if len(words) <= length else f"{words[: length - 8]}...{words[-5:]}"


def describe(value: object) -> str:
    """Return how a message names a value of a recipe."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return truncate(repr(value))
