"""Pass 3: every name in a recipe is a component that is installed."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ganzoo.errors import PluginError
from ganzoo.recipes.component_paths import BOTH, KINDS, SIDES, KeyPath
from ganzoo.recipes.findings import Findings
from ganzoo.recipes.recipe import Recipe
from ganzoo.recipes.schema import Node, Settings
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of, qualify

if TYPE_CHECKING:
    from ganzoo.registry import Registry


_ALWAYS = (
    "the Fréchet distance is no entry here: it is computed wherever there is an extractor, and is "
    "called FID where that is Inception's"
)
_KNOWN = {
    ("metric", "zoo/fid"): _ALWAYS,
    ("metric", "zoo/frechet"): _ALWAYS,
}
"""Names that people expect, and what to say of them as long as nothing is registered so."""


class Component(NamedTuple):
    """A component that a recipe names."""

    path: KeyPath
    kind: str
    node: Node


def components(settings: Settings) -> Iterator[Component]:
    """Yield every component of a recipe, in the order of `KINDS`.

    ``auto`` as the extractor is none yet, and the optimizers are those of the two players. The
    placeholders in the rest of a recipe that is wrong are left out.
    """
    yield from (each for each in _all_components(settings) if each.node.use)


def _all_components(settings: Settings) -> Iterator[Component]:
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


def check_ids(recipe: Recipe, registry: "Registry") -> None:
    """Look every name of a recipe up. Only the namespaces that the recipe names are loaded.

    Raises:
        RecipeError: a problem, sorted by line, for every name that the registry does not know;
            the advice is that for the first of them.
    """
    findings = Findings()
    for path, kind, node in components(recipe.settings):
        try:
            registry.get(kind, node.use, requirement=requirement(recipe, namespace_of(node.use)))
        except PluginError as error:
            what = _KNOWN.get((kind, qualify(node.use)), error.message)
            hint = _plugin_beside(recipe, node.use) or error.hint
            findings.add(recipe.problem(_said(recipe, path), what), hint)
    findings.raise_any()


def _plugin_beside(recipe: Recipe, name: str) -> str | None:
    """Return the option that brings what a run was made with: it keeps a copy of the file."""
    file = Path(recipe.reference).parent / "plugin.py"
    if namespace_of(name) == LOCAL_NAMESPACE and recipe.lock and file.is_file():
        return f"the same command with --plugin {shlex.quote(str(file))}"
    return None


def requirement(recipe: Recipe, namespace: str) -> str | None:
    """Return what pip would install to bring a namespace, as far as the recipe knows.

    A lock has the very distribution and version; else it is all that the recipe `requires`.
    """
    resolved = recipe.lock["lock"].get("components") if recipe.lock else None
    for component in resolved.values() if isinstance(resolved, dict) else ():
        match component:
            case {"id": str(id), "distribution": str(distribution), "version": str(version)}:
                if namespace_of(id) == namespace:
                    return shlex.quote(f"{distribution}=={version}")
    return shlex.join(recipe.settings.requires) or None


def _said(recipe: Recipe, path: KeyPath) -> KeyPath:
    """Return where the name was written: at `use`, unless the slot holds nothing but the name."""
    use = (*path, "use")
    origin = recipe.origins.get(use)
    if path in SIDES and origin == recipe.origins.get((*BOTH, "use")):
        path = BOTH
        use = (*path, "use")
    return use if origin and origin != recipe.origins.get(path) else path
