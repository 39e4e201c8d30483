"""Checks of recipes that a plugin brings."""

from __future__ import annotations

from ganzoo.errors import DataError, PluginError, RecipeError
from ganzoo.testing.checks import Failed, NotChecked, component_check
from ganzoo.testing.component import Component


@component_check("target")
def recipe_check(component: Component) -> None:
    """It passes ``ganzoo check``: YAML, keys, ids, parameters, fit, one update of each network."""
    from ganzoo.training.launch import prepare

    name = component.registration.id
    try:
        prepare(name, (), component.registry)
    except DataError as error:
        hint = f" (try: {error.hint})" if error.hint else ""
        raise NotChecked(f"needs data: {error.message}{hint}") from error
    except (RecipeError, PluginError) as error:
        raise Failed(
            "a recipe without a mistake",
            "; ".join(error.message.split("\n")),
            error.hint or f"ganzoo check {name}",
        ) from error
