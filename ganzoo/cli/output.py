"""Data to stdout, words to stderr; colour only on a terminal, and not under NO_COLOR."""

import os
import sys
from typing import Any

import click

from ganzoo.report.table import Table
from ganzoo.runs.records import to_json


def is_main_process() -> bool:
    """Whether this is the one process of a launcher's that talks."""
    return os.environ.get("RANK", "0") == "0"


def say(words: str) -> None:
    """Print words for a reader."""
    click.echo(words, err=True)


def emit_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(to_json(value, indent=2).decode())


def emit_table(table: Table) -> None:
    """Print a table: drawn on a terminal, plain aligned text elsewhere."""
    if not sys.stdout.isatty():
        click.echo(table.plain())
        return
    from rich.console import Console

    Console().print(table.drawn())
