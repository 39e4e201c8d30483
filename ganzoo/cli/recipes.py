"""``ganzoo recipes``: the recipes that come with ganzoo and with plugins."""

from fnmatch import fnmatchcase
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.cli.plugins import warn
from ganzoo.recipes.locate import shipped_recipes
from ganzoo.recipes.strict_yaml import load_document
from ganzoo.registry.registry import Registry
from ganzoo.report.table import Table


@click.command()
@click.argument("pattern", default="*")
@options.as_json
@options.plugin
def recipes(pattern: str, as_json: bool, plugin: Path | None) -> None:
    """List the recipes whose name matches PATTERN, a shell pattern."""
    registry = options.registry(plugin)
    found = [each for each in every_recipe(registry) if fnmatchcase(each["id"], pattern)]
    if as_json:
        emit_json(found)
    elif found:
        emit_table(
            Table(("recipe", "description", "paper"), [tuple(each.values())[:3] for each in found])
        )
    else:
        say(f"no recipes match {pattern!r}")
    warn(registry)


def every_recipe(registry: Registry) -> list[dict[str, str]]:
    """Return id, description, paper and file of every recipe: shipped ones first, by id.

    Raises:
        RecipeError: a file is no recipe.
    """
    files = list(shipped_recipes().items())
    files += [(each.id, registry.resolve(each)) for each in registry.list("recipe")]
    recipes = []
    for identifier, file in files:
        data = load_document(file.read_text(encoding="utf-8"), str(file)).data
        about = {key: str(data.get(key, "")) for key in ("description", "paper")}
        recipes.append({"id": identifier, **about, "file": str(file)})
    return recipes
