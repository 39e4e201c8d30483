"""What commands print: data to stdout, messages and errors to stderr, colour only on a terminal."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from ganzoo.errors import BrokenPlugin, GanzooError, culprit, printable, truncate

if TYPE_CHECKING:
    from ganzoo.report.table import Table

BUNDLED = "zoo"
"""Namespace of ganzoo's own components: an error there is a bug of ganzoo."""


def say(words: str) -> None:
    """Print a message to stderr."""
    click.echo(printable(words), err=True)


def emit(words: object = "", *, end: str = "\n") -> None:
    """Print a result to stdout."""
    click.echo(f"{printable(words)}{end}", nl=False)


def emit_json(value: Any) -> None:
    """Print a value as JSON."""
    from ganzoo.runs.records import to_json

    emit(to_json(value, indent=2).decode())


def emit_table(table: Table) -> None:
    """Print a table: drawn on a terminal, plain aligned text elsewhere.

    Columns that the terminal has no room for are left out from the right, and named.
    """
    if not sys.stdout.isatty():
        emit(table.plain())
        return
    from rich.console import Console

    console = Console()
    fitted = table.fitted(console.width)
    console.print(fitted.drawn())
    if left_out := table.columns[len(fitted.columns) :]:
        names = ", ".join(filter(None, left_out))
        count = f"{len(left_out)} column{'s' * (len(left_out) > 1)}"
        emit(f"{count} left out, the terminal is too narrow: {names}")


def report_error(error: GanzooError, *, with_traceback: bool = False) -> None:
    """Print an error that ganzoo raised on purpose: its message, then its hint after ``try:``."""
    if with_traceback:
        # A plugin's author needs the plugin's own exception, not ganzoo's frames around it.
        cause = error.__cause__ if isinstance(error, BrokenPlugin) else None
        traceback.print_exception(cause or error)
    _say_with_hint(error.message, error.hint)


def report_usage(error: click.ClickException) -> None:
    """Print what click rejected about a command line."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ganzoo"
    _say_with_hint(error.format_message(), f"{command} --help")


def report_bug(error: BaseException, *, with_traceback: bool = False) -> None:
    """Print an unexpected exception: a plugin's in one line, one of ganzoo with its traceback."""
    found = culprit(error)
    if found and found[0] != BUNDLED:
        if with_traceback:
            traceback.print_exception(error)
        words = " ".join(f"{type(error).__name__}: {error}".split())
        say(f"plugin {found[0]!r} failed: {truncate(words, 300)} ({found[1]})")
        advice = [note for note in getattr(error, "__notes__", ()) if note.startswith("try: ")]
        if advice or not with_traceback:
            say(advice[-1] if advice else "try: --traceback")
        return
    traceback.print_exception(error)
    say(f"{type(error).__name__}: this is a bug in ganzoo, or in a plugin that the traceback names")


def _say_with_hint(message: str, hint: str | None) -> None:
    # One write: other processes may print to the same terminal.
    say(f"{message}\ntry: {hint}" if hint else message)
