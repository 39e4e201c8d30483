"""Pass 3: every name in a recipe is a component that is installed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ganzoo.errors import PluginError, Problem
from ganzoo.recipes.recipe import Recipe
from ganzoo.recipes.skeleton import Node, Settings
from ganzoo.recipes.slots import BOTH, KINDS, SIDES, KeyPath

if TYPE_CHECKING:
    from ganzoo.registry import Registry


class Component(NamedTuple):
    """A component that a recipe names."""

    path: KeyPath
    kind: str
    node: Node


def components(settings: Settings) -> Iterator[Component]:
    """Yield every component of a recipe, in the order of `KINDS`.

    ``auto`` as the extractor is none yet, and the optimizers are those of the two players.
    """
    for pattern, kind in KINDS.items():
        place = pattern[:-1] if pattern[-1] == "*" else pattern
        value: object = settings
        for key in place:
            value = getattr(value, key, None)
        if isinstance(value, Node):
            yield Component(place, kind, value)
        elif isinstance(value, dict):
            yield from (Component((*place, key), kind, node) for key, node in value.items())
        elif isinstance(value, tuple):
            items = enumerate(value)
            yield from (Component((*place, str(index)), kind, node) for index, node in items)


def check_ids(recipe: Recipe, registry: "Registry") -> list[Problem]:
    """Return a problem, sorted by line, for every name that the registry does not know.

    Only the namespaces that the recipe names are loaded.
    """
    problems = []
    for path, kind, node in components(recipe.settings):
        try:
            registry.get(kind, node.use)
        except PluginError as error:
            problems.append(recipe.problem(_said(recipe, path), error.message))
    return sorted(set(problems))


def _said(recipe: Recipe, path: KeyPath) -> KeyPath:
    """Return where the name was written: at `use`, unless the slot holds nothing but the name."""
    use = (*path, "use")
    origin = recipe.origins.get(use)
    if path in SIDES and origin == recipe.origins.get((*BOTH, "use")):
        path = BOTH
        use = (*path, "use")
    return use if origin and origin != recipe.origins.get(path) else path
