"""``ganzoo new recipe``: scaffold a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli import completion, options
from ganzoo.cli.output import emit, say

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "parent",
    metavar="ID",
    shell_complete=completion.recipes,
    help="Recipe to extend: an id or a YAML file.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Folder or zip of pictures, or a csv or parquet table; the settings suit it.",
)
@click.option(
    "--size",
    type=click.IntRange(8, 1024),
    metavar="N",
    help="Height and width in pixels for --data; 64 by default.",
)
@options.plugin
def recipe(
    name: str, parent: str | None, data: Path | None, size: int | None, plugin: Path | None
) -> None:
    """Scaffold NAME.yaml, a recipe of your own with comments.

    With --from it extends a recipe and lists that recipe's settings as comments. With --data the
    recipe that it extends and its settings follow from a folder of pictures (their number, sizes,
    colours and sub-folders), and comments say why.
    """
    from ganzoo.modalities.table import TABLE_FILES
    from ganzoo.recipes.load import Recipe
    from ganzoo.scaffold.recipe import child_text, new_file, write_new

    if (parent is None) == (data is None):
        raise click.UsageError("give either --from ID or --data PATH")
    if size is not None and data is None:
        raise click.UsageError("--size needs --data PATH")
    file = new_file(name)
    registry = options.registry(plugin)
    if data is not None and data.suffix.lower() in TABLE_FILES:
        text = _table(file, data, registry)
    elif data is not None:
        text = _photos(file, data, size or 64, registry)
    else:
        text = child_text(file, Recipe.load(str(parent), (), registry))
    write_new(file, text)
    say(f"wrote {file}; check it with ganzoo check {file}, train it with ganzoo run {file}")
    emit(file)


def _table(file: Path, data: Path, registry: Registry) -> str:
    from ganzoo.components.parameters import adhoc_component
    from ganzoo.components.photos import from_here
    from ganzoo.modalities.table import TABLES
    from ganzoo.scaffold.table import table_text

    say(f"reading {data}")
    dataset = adhoc_component(registry, "dataset", TABLES, {"path": str(data.absolute())})
    rows = dataset.build("train")
    return table_text(file.name, from_here(data), len(rows), rows.spec)


def _photos(file: Path, data: Path, size: int, registry: Registry) -> str:
    from ganzoo.components.photos import facts_of
    from ganzoo.errors import PluginError
    from ganzoo.recipes.load import shipped_recipes
    from ganzoo.scaffold.recipe import choose, photo_text

    say(f"reading the pictures in {data}")
    facts = facts_of(data, size, registry)
    try:
        kid = bool(registry.get("metric", "kid"))
    except PluginError:
        kid = False
    choice = choose(facts, size, shipped_recipes())
    say(f"{choice.recipe}: {choice.reason}")
    return photo_text(file.name, facts, size, kid=kid, choice=choice)
