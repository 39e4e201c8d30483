"""Where a command starts: catch signals, invoke the verb, turn an error into an exit code."""

import codecs
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ganzoo.errors import (
    BrokenPlugin,
    DiskError,
    GanzooError,
    OutOfMemory,
    Unfinished,
    out_of_memory,
    says_no_memory,
    stop_signals,
)

LONG = ("run", "resume", "score", "verify")
"""The verbs that a scheduler starts. Once a run has its directory, it handles signals itself."""

BUG = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, or print the list of verbs, and return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with stoppable(arguments), tolerant_streams():
        from ganzoo.cli.group import group  # takes a tenth of a second: catch signals first

        if instruction := os.environ.get("_GANZOO_COMPLETE"):
            from ganzoo.cli.completion import answer

            return answer(group, instruction)
        try:
            with group.make_context("ganzoo", arguments.copy() or ["--help"]) as context:
                group.invoke(context)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            return report_and_get_code(error, with_traceback="--traceback" in arguments)
    return 0


def report_and_get_code(error: BaseException, *, with_traceback: bool) -> int:
    """Print an error of a command to stderr and return the exit code; the only place for both."""
    import click

    from ganzoo.cli.output import report_bug, report_error, report_usage

    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        report_usage(error)
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        click.echo(err=True)  # ends the line in which the terminal echoed ^C
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has closed the pipe
        return BROKEN_PIPE
    if isinstance(error, GanzooError):
        always = error.exit_code == BUG or isinstance(error, BrokenPlugin)
        report_error(error, with_traceback=always or with_traceback)
        return error.exit_code
    if says_no_memory(error):
        report_error(out_of_memory(error))
        return OutOfMemory.exit_code
    from ganzoo.runs.files import file_error  # --help must not wait for the registry

    if failed := file_error(error):
        report_error(failed, with_traceback=with_traceback)
        return failed.exit_code
    report_bug(error, with_traceback=with_traceback)
    return BUG


@contextmanager
def stoppable(arguments: Sequence[str]) -> Iterator[None]:
    """Let a signal end a long verb at once, with its exit code and the command to repeat.

    Nothing has been trained that could be saved. The handler exits instead of raising: an import
    that is under way could take an exception for a failure of its own. Outside the main thread no
    signal is caught.
    """
    verb = next((word for word in arguments if not word.startswith("-")), None)
    if verb not in LONG:
        yield
        return
    same_command, owner = shlex.join(["ganzoo", *arguments]), os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        code = Unfinished.exit_code if number == signal.SIGUSR1 else 128 + number
        if os.getpid() == owner:  # forked workers inherit the handler and must stay silent
            name = signal.Signals(number).name
            message = f"stopped by {name}: nothing was being trained, there is nothing to save"
            with suppress(OSError):
                os.write(2, os.fsencode(f"{message}\ntry: {same_command}\n"))
        os._exit(code)

    try:
        before = {number: signal.signal(number, stop) for number in stop_signals()}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def tolerant_streams() -> Iterator[None]:
    """Let no lost reader and no missing character of stdout or stderr disturb a command inside.

    Errors of writing to stderr are ignored, so that training continues. Results
    on stdout are not dropped silently: see `Stream`.
    """
    with suppress(OSError):
        while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass  # a closed stream's number would be the next file's, and get its words
        os.close(free)
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        make_stdout_tolerant(sys.stdout)
        sys.stdout = Stream(sys.stdout or nowhere, needed=True)
        sys.stderr = Stream(sys.stderr or nowhere, needed=False)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


class Stream:
    """A text stream that can fail once; afterwards its text is dropped.

    Args:
        needed: the failure is raised; otherwise it is dropped, too.
    """

    def __init__(self, stream: Any, *, needed: bool) -> None:
        self._stream, self._needed = stream, needed

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._stream, attribute)

    def write(self, text: str) -> int:
        """Write text; return its length."""
        if text == "":  # click tries this out, and would ignore the failure
            return 0
        return self._guarded(self._stream.write, text) or len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        self._guarded(self._stream.flush)

    def _guarded(self, call: Callable[..., Any], *words: str) -> Any:
        try:
            return call(*words)
        except OSError as error:
            with suppress(OSError):  # what is left in the buffer must not fail again at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if not self._needed:
                return None
            if isinstance(error, BrokenPipeError):
                raise
            what = f"standard output cannot be written: {error.strerror}"
            raise DiskError(what, hint="write it elsewhere: > FILE") from error


def make_stdout_tolerant(stream: Any) -> None:
    """Make a stream accept every character: a score must not be lost to a locale without a ``±``.

    In UTF-8, bytes of a file name that are not valid text are written unchanged; other encodings
    escape what they lack.
    """
    if hasattr(stream, "reconfigure"):
        is_utf8 = codecs.lookup(stream.encoding).name == "utf-8"
        stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")
