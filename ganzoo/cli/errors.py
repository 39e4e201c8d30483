"""How an error reads: one line that says what is wrong, one that begins with ``try:``."""

import traceback

import click

from ganzoo.errors import BrokenPlugin, GanzooError


def report(error: GanzooError, *, with_traceback: bool = False) -> None:
    """Print an error that ganzoo raised on purpose."""
    if with_traceback:
        # Of a plugin's error its author wants what the plugin raised, not how ganzoo came to it.
        cause = error.__cause__ if isinstance(error, BrokenPlugin) else None
        traceback.print_exception(cause or error)
    say(error.message, error.hint)


def report_usage(error: click.ClickException) -> None:
    """Print what click found wrong with a command line."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ganzoo"
    say(error.format_message(), f"{command} --help")


def report_bug(error: BaseException) -> None:
    """Print what nobody foresaw, with all that helps to find it."""
    traceback.print_exception(error)
    name = type(error).__name__
    say(f"{name}: this is a bug in ganzoo, or in a plugin that the traceback names", None)


def say(message: str, hint: str | None) -> None:
    """Print a message and its advice to stderr."""
    click.echo(message, err=True)
    if hint:
        click.echo(f"try: {hint}", err=True)
