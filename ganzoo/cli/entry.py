"""The one place where an error becomes an exit code."""

import codecs
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from ganzoo.cli.errors import report, report_bug, report_usage
from ganzoo.cli.group import group
from ganzoo.errors import (
    BrokenPlugin,
    GanzooError,
    OutOfMemory,
    out_of_memory,
    says_no_memory,
)

BUG = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def invoke(arguments: Sequence[str]) -> int:
    """Run one command, or say which there are, and return its exit code."""
    arguments = list(arguments) or ["--help"]
    write_whatever_is_asked(sys.stdout)
    try:
        with group.make_context("ganzoo", arguments.copy()) as context:
            group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        report_usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)  # ends the line in which the terminal echoed ^C
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. What is left in the buffer must not raise
        # again when Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except GanzooError as error:
        with_traceback = error.exit_code == BUG or isinstance(error, BrokenPlugin)
        report(error, with_traceback=with_traceback or "--traceback" in arguments)
        return error.exit_code
    except Exception as error:
        if says_no_memory(error):
            report(out_of_memory(error))
            return OutOfMemory.exit_code
        report_bug(error)
        return BUG
    return 0


def write_whatever_is_asked(stream: Any) -> None:
    """Let a stream take every character: a score must not be lost to a locale without a ``±``.

    In UTF-8 the bytes of a file name that is no text come out as they were; elsewhere what the
    encoding lacks is escaped.
    """
    if hasattr(stream, "reconfigure"):
        is_utf8 = codecs.lookup(stream.encoding).name == "utf-8"
        stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")
