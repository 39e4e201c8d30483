"""All errors that ganzoo raises on purpose, with the exit code of each.

    GanzooError                 1   a bug, or an unforeseen condition
    ├── UsageError              2   a wrong command line or argument
    │   ├── RecipeError         2   a recipe: all its problems with file, line and column
    │   ├── PluginError         2   an unknown, broken or misused plugin
    │   └── ComparisonError     2   nothing that can be ranked together
    ├── BrokenPlugin            2   the exception of a plugin, with GANZOO_STRICT=1
    ├── Diverged                3   a loss, gradient or weight that is not finite
    ├── DataError               4   a data set that is missing, damaged or of the wrong form
    ├── CheckpointError         5   a checkpoint that cannot be read or must not be written
    ├── RunLocked               6   a run directory that another process is writing
    ├── DiskError               7   a disk that cannot be read or written, or is read-only
    │   └── DiskFull            7   no room: on the disk, within a quota or a limit of file sizes
    ├── OutOfMemory             8   a batch that does not fit on the device
    ├── DeviceError             9   a device or number of processes that is not available
    ├── Collapsed              10   samples that collapsed, where the recipe says to stop then
    ├── Unfinished             75   stopped before the end, can be resumed
    └── Interrupted  129, 130, 143  stopped by SIGHUP, SIGINT or SIGTERM, with its state saved

Two results of ``ganzoo verify`` have exit codes of their own, although they are no errors: 11, not
reproduced, and 12, cannot be compared.

`ganzoo.cli` prints the message, and the hint on a second line that begins with ``try:``. Only bugs
show a traceback, and plugins under ``GANZOO_STRICT=1``.
"""

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any

GROUP = "ganzoo.v1"
"""The group of entry points of plugins; the number is the version of the interface."""

LOCAL_MODULE = "ganzoo_local_"
"""Beginning of the name of the module that a file given with ``--plugin`` becomes."""


class GanzooError(Exception):
    """An error with a one-line message and, optionally, a one-line hint.

    `hint` is what the user can type or change next, without the word ``try:``.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@contextmanager
def advising(hint: str | None) -> Iterator[None]:
    """Give an error that is raised inside a hint, if it has none."""
    try:
        yield
    except GanzooError as error:
        error.hint = error.hint or hint
        raise


class UsageError(GanzooError):
    """A command or call asks for something that does not exist or is not valid."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a recipe: its location, the path of the key, and what is wrong.

    `line` and `column` count from 1; both are 0 if there is no file (a command-line override).
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
    """No two of the given scores may be ranked together."""


class BrokenPlugin(GanzooError):
    """A plugin that cannot be loaded, under ``GANZOO_STRICT=1``; its exception is the cause.

    Not a `PluginError`, because code that catches those to go on without a broken plugin must not
    catch this.
    """

    exit_code = 2


class Diverged(GanzooError):
    """A loss, gradient, weight or generated sample is not finite; training or scoring ends."""

    exit_code = 3


class DataError(GanzooError):
    """A data set is missing, damaged, or not of the form that it declares."""

    exit_code = 4


class CheckpointError(GanzooError):
    """A checkpoint cannot be read or must not be written."""

    exit_code = 5


class RunLocked(GanzooError):
    """Another process is writing this run directory."""

    exit_code = 6


class DiskError(GanzooError):
    """A disk or file system fails: an I/O error, or it is read-only."""

    exit_code = 7


class DiskFull(DiskError):
    """There is no room: on the disk, within a quota, or within a limit of file sizes."""


class OutOfMemory(GanzooError):
    """The device has no room for this batch."""

    exit_code = 8


def says_no_memory(error: BaseException) -> bool:
    """Return whether an error means out of memory: of Python, a GPU, or torch on a CPU.

    The last is a RuntimeError that can only be recognized by its message.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def out_of_memory(error: BaseException, hint: str | None = None) -> OutOfMemory:
    """Return the error for the user from an error that `says_no_memory`."""
    lines = str(error).strip().splitlines() or ["the computation does not fit"]
    words = lines[0].rpartition("DefaultCPUAllocator: ")[2]
    return OutOfMemory(f"out of memory: {words}", hint=hint)


class DeviceError(GanzooError):
    """A requested device or number of processes is not available."""

    exit_code = 9


class Collapsed(GanzooError):
    """The run ended, saved and scored, because its samples collapsed (train.on_collapse: stop)."""

    exit_code = 10


class Unfinished(GanzooError):
    """The run stopped before its end (time limit, SIGUSR1) and can be resumed."""

    exit_code = 75


def stop_signals() -> list[signal.Signals]:
    """Return the signals that stop a run: SIGHUP among them, unless ``nohup`` has it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    always = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    return always if ignored else [*always, signal.SIGHUP]


class Interrupted(GanzooError):
    """SIGHUP (exit code 129), SIGINT (130) or SIGTERM (143) stopped the run; its state is saved."""

    def __init__(self, message: str, *, exit_code: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def culprit(error: BaseException) -> tuple[str, str] | None:
    """Return the plugin that raised an error, and the place: ``("acme", "critic.py, line 12")``.

    That is so if the innermost frame, of those that are in ganzoo or in a plugin, is in a plugin.
    """
    from importlib.metadata import entry_points  # slow, and only needed when something failed

    plugins = {point.module.partition(".")[0]: point.name for point in entry_points(group=GROUP)}
    found = None
    for frame, line in walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package == "ganzoo":
            found = None
        elif package in plugins or package.startswith(LOCAL_MODULE):
            path = Path(frame.f_code.co_filename)
            found = plugins.get(package, "local"), f"{path.parent.name}/{path.name}, line {line}"
    return found


def raised_at(error: BaseException) -> str:
    """Return where a plugin raised an error, `` (critic.py, line 12)``, or nothing."""
    found = culprit(error)
    return f" ({found[1]})" if found else ""


def failure(error: Exception) -> str:
    """Return an unexpected error of a component as one line: class, words, file and line."""
    return f"{type(error).__name__}: {in_one_line(error)}{raised_at(error)}"


@contextmanager
def plugin_failures(error_of: Callable[[str], PluginError]) -> Iterator[None]:
    """Raise what a plugin raises inside as the error that `error_of` makes of its words.

    Errors of ganzoo, and those that mean out of memory, stay as they are.
    """
    try:
        yield
    except GanzooError:
        raise
    except Exception as error:
        if says_no_memory(error):
            raise
        raise error_of(failure(error)) from error


def in_one_line(error: Exception) -> str:
    """Return an error's text as one line of at most 300 characters."""
    return truncate(" ".join(str(error).split()), 300)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_OR_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def printable(words: object, *, one_line: bool = False) -> str:
    """Return text without control characters: a name from a file must not steer the terminal.

    They are shown as Python writes them, ``\\x1b``.

    Args:
        one_line: line ends and tabs are replaced as well.
    """
    pattern = _CONTROL_OR_LINE if one_line else _CONTROL
    return pattern.sub(lambda found: repr(found[0])[1:-1], str(words))


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
