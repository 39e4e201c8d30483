"""`Recipe`: what a recipe says, after `extends`, overrides and the skeleton; still only data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.check import check, placed
from ganzoo.recipes.component_paths import BOTH, SIDES, KeyPath, at
from ganzoo.recipes.inheritance import read_chain
from ganzoo.recipes.merge import fold
from ganzoo.recipes.overrides import Overrides, override_layer
from ganzoo.recipes.schema import Settings, settings_data
from ganzoo.recipes.source import Layer, Origin, nearest

if TYPE_CHECKING:
    from ganzoo.registry import Registry


@dataclass(frozen=True)
class Recipe:
    """A recipe whose YAML and skeleton are right; whether its components exist is yet to see.

    `data` is what was written, merged: components in their long form, no defaults, no slot that
    null removed. `origins` says where each of its values was written (and, for the optimizer of
    each player, where `both` was). `notes` are lines about what merging dropped.
    """

    reference: str
    """What was asked for."""
    text: str
    """The file that was asked for, as it stands."""
    data: dict[str, Any]
    origins: dict[KeyPath, Origin]
    notes: tuple[str, ...]
    settings: Settings
    lock: Mapping[str, Any] | None = None
    """The whole content of the file, where that is a lock."""

    @classmethod
    def load(
        cls,
        reference: str | Path,
        overrides: Overrides = (),
        registry: "Registry | None" = None,
    ) -> "Recipe":
        """Return the recipe in a file, or the shipped or plugin's recipe of that name.

        Args:
            reference: a path that ends in .yaml, ``NAME``, ``namespace/NAME``, or a lock file.
            overrides: ``key=value`` strings, or a mapping such as ``{"train.steps": 500}``.
            registry: where plugins' recipes are looked up; None: whatever is installed.

        Raises:
            RecipeError: every problem of the first pass that finds any. Where the second one does,
                `rest` is the recipe without them.
            PluginError: the reference means a plugin's recipe that is not there.
        """
        chain = read_chain(reference, registry)
        merged = fold(chain.layers)
        if overrides:
            merged = fold([merged, override_layer(overrides)])
        about: dict[str, Any] = {
            "reference": str(reference),
            "text": chain.text,
            "lock": chain.lock,
        }
        try:
            layer, settings = check(merged, chain.located.default_name)
        except RecipeError as error:
            error.rest = cls._of(*error.rest, **about) if error.rest else None
            raise
        return cls._of(layer, settings, **about)

    @classmethod
    def _of(cls, layer: Layer, settings: Settings, **about: Any) -> "Recipe":
        return cls(
            data=layer.data,
            origins=layer.origins,
            notes=layer.notes,
            settings=settings,
            **about,
        )

    @property
    def name(self) -> str:
        """The recipe's name: what it says, else the file's stem or the recipe's id."""
        return self.settings.name

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.settings.seed

    def resolved(self) -> dict[str, Any]:
        """Return the recipe with the skeleton's defaults filled in; itself a valid recipe.

        Components have the parameters that were written; `ganzoo.components` knows the others.
        """
        data: dict[str, Any] = settings_data(self.settings)
        return data

    def problem(self, path: KeyPath, what: str) -> Problem:
        """Return a problem at the place where `path`, or what is nearest around it, stands."""
        side, rest = path[:2], path[2:]
        if side in SIDES and at(self.data, path[:3]) is None:
            path = (*BOTH, *rest) if at(self.data, (*BOTH, *rest[:1])) is not None else path
        return placed(self.origins, path, what)

    def directory_of(self, path: KeyPath) -> Path:
        """Return what a relative path written at `path` is relative to."""
        return nearest(self.origins, path).directory
