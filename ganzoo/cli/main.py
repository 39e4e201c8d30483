"""Where a command starts: catch signals, invoke the verb, turn an error into an exit code."""

import codecs
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ganzoo.errors import (
    BrokenPlugin,
    GanzooError,
    OutOfMemory,
    Unfinished,
    out_of_memory,
    says_no_memory,
    stop_signals,
)

LONG = ("run", "resume", "score")
"""The verbs that a scheduler starts. Once a run has its directory, it handles signals itself."""

BUG = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, or print the list of verbs, and return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with stoppable(arguments):
        from ganzoo.cli.group import group  # takes a tenth of a second: catch signals first

        make_stdout_tolerant(sys.stdout)
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
    if isinstance(error, BrokenPipeError):
        # The reader, such as `head`, has closed the pipe. What is left in the buffer must not
        # raise again when Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    if isinstance(error, GanzooError):
        always = error.exit_code == BUG or isinstance(error, BrokenPlugin)
        report_error(error, with_traceback=always or with_traceback)
        return error.exit_code
    if says_no_memory(error):
        report_error(out_of_memory(error))
        return OutOfMemory.exit_code
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


def make_stdout_tolerant(stream: Any) -> None:
    """Make a stream accept every character: a score must not be lost to a locale without a ``±``.

    In UTF-8, bytes of a file name that are not valid text are written unchanged; other encodings
    escape what they lack.
    """
    if hasattr(stream, "reconfigure"):
        is_utf8 = codecs.lookup(stream.encoding).name == "utf-8"
        stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")
