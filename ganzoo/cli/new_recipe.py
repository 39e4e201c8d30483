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
    help="Your own files: pictures in a folder or zip, a table, lines of text, sounds, clips.",
)
@click.option(
    "--as",
    "dataset",
    metavar="ID",
    shell_complete=completion.datasets,
    help="The data set that reads --data, if it is not the one for its suffix.",
)
@click.option(
    "--size",
    type=click.IntRange(8, 1024),
    metavar="N",
    help="Height and width in pixels for --data; 64 by default.",
)
@options.plugin
def recipe(
    name: str,
    parent: str | None,
    data: Path | None,
    dataset: str | None,
    size: int | None,
    plugin: Path | None,
) -> None:
    """Scaffold NAME.yaml, a recipe of your own with comments.

    With --from it extends a recipe and lists that recipe's settings as comments. With --data the
    settings follow from the data (the number, sizes, colours and sub-folders of pictures, the
    columns of a table), and comments say why.
    """
    from ganzoo.recipes.load import Recipe
    from ganzoo.scaffold.recipe import child_text, new_file, write_new

    if (parent is None) == (data is None):
        raise click.UsageError("give either --from ID or --data PATH")
    if data is None and (size is not None or dataset is not None):
        raise click.UsageError(f"{'--size' if dataset is None else '--as'} needs --data PATH")
    file = new_file(name)
    registry = options.registry(plugin)
    if data is not None:
        text = _own(file, data, dataset, size, registry)
    else:
        text = child_text(file, Recipe.load(str(parent), (), registry))
    write_new(file, text)
    say(f"wrote {file}; check it with ganzoo check {file}, train it with ganzoo run {file}")
    emit(file)


def _own(file: Path, data: Path, dataset: str | None, size: int | None, registry: Registry) -> str:
    from ganzoo.scaffold.own_data import own_recipe, reader_of

    reader = reader_of(data, registry, dataset)
    if size is not None and not reader.modalities & {"image", "video"}:
        raise click.UsageError(f"--size is for pictures and clips, and {reader.id} reads others")
    say(f"reading {data} as {reader.id}")
    text, choice = own_recipe(file.name, data, size, reader, registry.resolve(reader))
    if choice:
        say(choice)
    return text
