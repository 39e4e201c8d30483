"""``ganzoo show``: print a resolved recipe and where each line comes from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.output import emit, say


@click.command()
@options.recipe
@options.overrides
@options.plugin
@options.as_json
def show(recipe: str, overrides: tuple[str, ...], plugin: Path | None, as_json: bool) -> None:
    """Print RECIPE with every default written out, and the origin of each line as a comment.

    The output is itself a recipe. The data need not be present.
    """
    from ganzoo.components.plan import full_recipe
    from ganzoo.components.planner import load_recipe, plan_components
    from ganzoo.recipes.show import show as shown

    registry = options.registry(plugin)
    loaded = load_recipe(recipe, overrides, registry)
    components, notes = plan_components(loaded, registry)
    for note in (*loaded.notes, *notes):
        say(f"note: {note}")
    full = full_recipe(loaded, components)
    if as_json:
        emit(json.dumps(full, indent=2, ensure_ascii=False))
    else:
        emit(shown(full, loaded.origins), end="")
