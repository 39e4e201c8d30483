"""``ganzoo info``: one component: what it is, its parameters, where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_json, emit_table


@click.command()
@click.argument("name", metavar="ID")
@click.option("--kind", help="Which, where several kinds have a component of that name.")
@options.plugin
@options.as_json
def info(name: str, kind: str | None, plugin: Path | None, as_json: bool) -> None:
    """Show the component ID: summary, parameters with types and defaults, paper, licence.

    A name that several kinds share (a generator and a discriminator, say) shows each of them.
    """
    from ganzoo.build.signature import parameter_rows

    registry = options.registry(plugin)
    found = [each for each in registry.find(name) if kind is None or each.kind == kind]
    described = []
    for registration in found:
        factory = registry.resolve(registration)
        rows = [] if registration.kind == "recipe" else parameter_rows(registration, factory)
        described.append((registration, (factory.__doc__ or "").strip(), rows))
    if as_json:
        emit_json([_as_data(*each) for each in described])
        return
    for registration, documentation, rows in described:
        _print(registration, documentation, rows)


def _as_data(registration: Any, documentation: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from ganzoo.cli.list import described

    return described(registration) | {"documentation": documentation, "parameters": rows}


def _print(registration: Any, documentation: str, rows: list[dict[str, Any]]) -> None:
    from inspect import cleandoc

    from ganzoo.report.table import Table

    click.echo(f"{registration.kind} {registration.id}, revision {registration.revision}")
    click.echo(f"from {registration.distribution} {registration.version}, {registration.target}")
    facts = {
        "paper": registration.paper,
        "licence": registration.license,
        "modalities": ", ".join(sorted(registration.modalities)),
        "can be": ", ".join(sorted(registration.capabilities)),
        "splits": ", ".join(registration.splits),
    }
    for fact, value in facts.items():
        if value:
            click.echo(f"{fact}: {value}")
    click.echo(f"\n{cleandoc(documentation)}\n")
    if rows:
        lines = [(row["name"], row["type"], row["default"]) for row in rows]
        emit_table(Table(("parameter", "type", "default"), lines))
        click.echo()
