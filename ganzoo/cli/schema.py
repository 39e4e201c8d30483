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
    from ganzoo.errors import UsageError

    made, left_out = recipe_schema(options.registry(plugin))
    for line in left_out:
        say(f"left out: {line}")
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if out is None:
        emit(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"{out} cannot be written: {error.strerror}"
        raise UsageError(what, hint="ganzoo schema --out recipe.schema.json") from error
    say(f"wrote {out}; for your editor, make this the first line of a recipe:")
    emit(f"# yaml-language-server: $schema={out}")
