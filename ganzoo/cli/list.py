"""``ganzoo list``: the components of one kind."""

from dataclasses import asdict
from pathlib import Path

import click

from ganzoo.api import HOOKS, Registration
from ganzoo.cli import options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.cli.plugins import warn
from ganzoo.registry.names import PLURALS, kind_of, shorten
from ganzoo.report.table import Table


@click.command()
@click.argument("kind", required=False)
@click.argument("pattern", default="*")
@options.as_json
@options.plugin
def list(kind: str | None, pattern: str, as_json: bool, plugin: Path | None) -> None:
    """List the components of one KIND whose name matches PATTERN.

    KIND is generators, losses, datasets and so on; without it, every kind is counted.
    PATTERN is a shell pattern, such as '*gan*' or 'acme/*'.
    """
    registry = options.registry(plugin)
    if kind is None:
        counts = {PLURALS[each]: len(registry.list(each)) for each in HOOKS}
        if as_json:
            emit_json(counts)
        else:
            rows = [(plural, str(count)) for plural, count in counts.items()]
            emit_table(Table(("kind", "components"), rows, numbers={"components"}))
    else:
        found = registry.list(kind_of(kind), pattern)
        if as_json:
            emit_json([described(each) for each in found])
        elif found:
            emit_table(Table(("id", "summary", "paper"), [row(each) for each in found]))
        else:
            say(f"no {PLURALS[kind_of(kind)]} match {pattern!r}")
    warn(registry)


def described(registration: Registration) -> dict[str, object]:
    """Return a registration as JSON data, with its full id."""
    return {"id": registration.id} | asdict(registration)


def row(registration: Registration) -> tuple[str, str, str]:
    """Return a line of the table; revisions after the first are worth a word."""
    revision = f" (revision {registration.revision})" if registration.revision > 1 else ""
    return shorten(registration.id), registration.summary + revision, registration.paper or ""
