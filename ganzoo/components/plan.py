"""The plan of a run: every component with its parameters, the data, the budget; a plain value.

`ganzoo.components.planner` makes one of a recipe, `ganzoo.components.build` makes it live.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ganzoo.api import Dataset, Registration, SampleSpec
from ganzoo.errors import Problem
from ganzoo.recipes.lock import ENGINE_REVISION, defaults_in
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of
from ganzoo.version import __version__

if TYPE_CHECKING:
    from ganzoo.recipes.load import Recipe
    from ganzoo.registry.registry import Registry

MEMORY_LIMIT_BYTES = 2 * 1024**3
"""``train.data: auto`` keeps a data set in memory up to this size in stored form."""

NETWORKS = ("generator", "discriminator")

Slot = tuple[str, ...]
"""Where in a recipe a component stands: ``("generator",)``, ``("regularizers", "r1")``."""


@dataclass(frozen=True)
class ComponentPlan:
    """One component: what it is, and the parameters that its factory will be given."""

    slot: Slot
    registration: Registration
    factory: Callable[..., Any]
    parameters: Mapping[str, Any]
    """As the factory receives them."""
    plain: Mapping[str, Any]
    """The same as YAML data, defaults included."""
    place: Problem
    """Where it stands in a recipe; `what` is empty."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """The defaults of its optional parameters, as YAML data."""

    @property
    def id(self) -> str:
        """The full id, ``namespace/name``."""
        return self.registration.id

    def build(self, *arguments: Any) -> Any:
        """Call the factory. `arguments` are the engine's."""
        return self.factory(*arguments, **self.parameters)

    def problem(self, what: str) -> Problem:
        """Return a problem at the place where the component stands."""
        return replace(self.place, what=what)

    def locked(self) -> dict[str, Any]:
        """Return its id, its revision, and what is recorded of its code."""
        return {
            "id": self.id,
            "revision": self.registration.revision,
            "distribution": self.registration.distribution,
            "version": self.registration.version,
            "source_sha256": source_sha256(self.registration.target),
        }


@dataclass(frozen=True)
class Budget:
    """How long the run is and what happens how often, in generator steps."""

    steps: int
    save_every: int
    sample_every: int
    eval_every: int
    log_every: int
    samples: int
    final_samples: int


@dataclass(frozen=True)
class Plan:
    """A recipe that has been checked: what `ganzoo.components.build.build` makes live."""

    recipe: Recipe
    registry: Registry
    components: Mapping[Slot, ComponentPlan]
    dataset: Dataset
    budget: Budget
    memory_format: str
    """``auto`` until the engine has seen the live components."""
    step_flops: float | None = None
    """Of one update of each player, forward and backward; None until rehearsed."""
    notes: tuple[str, ...] = ()

    @property
    def spec(self) -> SampleSpec:
        """What one sample is."""
        return self.dataset.spec

    @property
    def extractor(self) -> ComponentPlan | None:
        """The feature extractor, or None where the run has no score."""
        return self.components.get(("eval", "extractor"))

    def group(self, name: str) -> dict[str, ComponentPlan]:
        """Return the components of a map-valued key (``regularizers``), by the recipe's keys."""
        return {
            ".".join(slot[1:]): component
            for slot, component in self.components.items()
            if slot[0] == name and len(slot) > 1
        }

    @cached_property
    def data(self) -> str:
        """``memory`` or ``stream``: `train.data` with ``auto`` decided by size."""
        chosen = self.recipe.settings.train.data
        if chosen != "auto":
            return chosen
        item = torch.empty(0, dtype=getattr(torch, self.spec.stored_dtype)).element_size()
        total = len(self.dataset) * math.prod(self.spec.shape) * item
        return "memory" if total <= MEMORY_LIMIT_BYTES else "stream"

    def lock(self) -> dict[str, Any]:
        """Return the recipe with every choice made, and what `ganzoo.recipes.lock` says of it."""
        full = full_recipe(self.recipe, self.components)
        full["train"] |= {
            "data": self.data,
            "memory_format": self.memory_format,
            "compile": self.recipe.settings.train.compile is True,
            "save_every_steps": self.budget.save_every,
            "sample_every_steps": self.budget.sample_every,
        }
        full["eval"] |= {
            "every_steps": self.budget.eval_every,
            "final_samples": self.budget.final_samples,
        }
        components = {".".join(slot): each.locked() for slot, each in self.components.items()}
        for each in components.values():
            if namespace_of(each["id"]) == LOCAL_NAMESPACE:
                each["code_sha256"] = code_sha256(self.registry.local_source)
        defaults = {slot: dict(each.defaults) for slot, each in self.components.items()}
        about = {
            "engine": ENGINE_REVISION,
            "ganzoo": __version__,
            "torch": str(torch.__version__),
            "defaults": defaults_in(full, defaults),
            "components": components,
        }
        return {**full, "lock": about}


def full_recipe(recipe: Recipe, components: Mapping[Slot, ComponentPlan]) -> dict[str, Any]:
    """Return a recipe as plain data with full ids, all parameters, and absolute paths."""
    full = recipe.resolved()
    for role, path in initial_paths(recipe).items():
        full["init"][role] = str(path)
    for slot, component in components.items():
        _put(full, slot, {"use": component.id, **component.plain})
    return full


def initial_paths(recipe: Recipe) -> dict[str, Path]:
    """Return the runs or files that the networks start from, absolute, by role."""
    init = recipe.settings.init
    return {
        role: recipe.directory_of(("init", role)) / Path(source).expanduser()
        for role in NETWORKS
        if (source := getattr(init, role))
    }


def source_sha256(target: str) -> str | None:
    """Return the sha256 of the source file that `target`'s module lives in."""
    spec = find_spec(target.partition(":")[0])
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        return None
    return sha256(Path(spec.origin).read_bytes()).hexdigest()


def code_sha256(source: bytes) -> str:
    """Return the sha256 of a module's code: its syntax tree without comments and docstrings.

    The tree is hashed as Python writes it out: that is alike in all versions of Python, and a dump
    of the nodes is not.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                code = [each for each in statements if not _is_text(each)]
                setattr(node, name, code or (statements and [ast.Pass()]))
    return sha256(ast.unparse(tree).encode()).hexdigest()


def _is_text(statement: ast.stmt) -> bool:
    """Return whether a statement is nothing but a string, as a docstring is."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _put(tree: dict[str, Any], slot: Slot, node: dict[str, Any]) -> None:
    for key in slot[:-1]:
        tree = tree[int(key)] if isinstance(tree, list) else tree.setdefault(key, {})
    if isinstance(tree, list):
        tree[int(slot[-1])] = node
    else:
        kept = tree.get(slot[-1]) or {}
        own = {key: kept[key] for key in ("weight", "every_steps", "groups") if key in kept}
        tree[slot[-1]] = node | own
