"""``ganzoo schema``: the JSON Schema of recipes, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit, say


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the schema to FILE instead of printing it.",
)
@options.plugin
def schema(out: Path | None, plugin: Path | None) -> None:
    """Print the JSON Schema (2020-12) of recipes, with every installed component.

    A YAML editor uses it to complete keys and names and to show their documentation.
    """
    from ganzoo.components.json_schema import recipe_schema
    from ganzoo.runs.files import write_atomic, writing

    made, left_out = recipe_schema(options.registry(plugin))
    for line in left_out:
        say(f"left out: {line}")
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if out is None:
        emit(text, end="")
        return
    with writing(out, "ganzoo schema --out recipe.schema.json"):
        write_atomic(out, text.encode())
    say(f"wrote {out}; for your editor, make this the first line of a recipe:")
    emit(f"# yaml-language-server: $schema={out}")
