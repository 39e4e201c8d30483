"""``ganzoo recipes``: the recipes that come with ganzoo and with plugins."""

from fnmatch import fnmatchcase
from pathlib import Path

import click

from ganzoo.cli import completion, options
from ganzoo.cli.output import emit_json, emit_table, say
from ganzoo.cli.plugins import warn
from ganzoo.errors import PluginError, RecipeError
from ganzoo.recipes.load import shipped_recipes
from ganzoo.recipes.yaml import read_document
from ganzoo.registry.names import no_match
from ganzoo.registry.registry import Registry
from ganzoo.report.table import Table


@click.command()
@click.argument("pattern", default="*", shell_complete=completion.recipes)
@options.as_json
@options.plugin
def recipes(pattern: str, as_json: bool, plugin: Path | None) -> None:
    """List the available recipes; with PATTERN, such as 'digits-*', only those that match."""
    registry = options.registry(plugin)
    every = every_recipe(registry)
    found = [each for each in every if fnmatchcase(each["id"], pattern)]
    if as_json:
        emit_json(found)
    elif found:
        rows = [(each["id"], each["description"], each["paper"]) for each in found]
        emit_table(Table(("recipe", "description", "paper"), rows))
    else:
        say(f"{no_match('recipes', pattern, [each['id'] for each in every])}\ntry: ganzoo recipes")
    warn(registry)


def every_recipe(registry: Registry) -> list[dict[str, str]]:
    """Return id, description, paper and file of every recipe: shipped ones first, by id.

    A recipe that cannot be read is named on stderr and left out.
    """
    found = [described(name, file) for name, file in shipped_recipes().items()]
    for registration in registry.list("recipe"):
        try:
            found.append(described(registration.id, registry.resolve(registration)))
        except (PluginError, RecipeError) as error:
            say(f"left out: {error.message}")
    return found


def described(identifier: str, file: Path) -> dict[str, str]:
    """Return a recipe's own description and paper, not those of a recipe that it extends.

    Raises:
        RecipeError: the file is not a recipe.
    """
    data = read_document(file, identifier).data
    about = {key: str(data.get(key, "")) for key in ("description", "paper")}
    return {"id": identifier, **about, "file": str(file)}
