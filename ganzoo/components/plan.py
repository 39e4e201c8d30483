"""`Plan`: a checked recipe, with its components and their parameters, its data and its budget.

`ganzoo.components.planner` makes a plan from a recipe; `ganzoo.components.build` makes the live
components from a plan.
"""

from __future__ import annotations

import ast
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ganzoo.api import Dataset, Registration, SampleSpec
from ganzoo.components.data import source_files
from ganzoo.errors import Problem
from ganzoo.recipes.lock import ENGINE_REVISION, defaults_in
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of
from ganzoo.version import __version__

if TYPE_CHECKING:
    from ganzoo.recipes.load import Recipe
    from ganzoo.registry.registry import Registry

MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Largest data set, in stored form, that ``train.data: auto`` holds in memory."""

NETWORKS = ("generator", "discriminator")

Slot = tuple[str, ...]
"""Path of a component in a recipe: ``("generator",)``, ``("regularizers", "r1")``."""


@dataclass(frozen=True)
class ComponentPlan:
    """One component of a recipe, with its factory and validated parameters."""

    slot: Slot
    registration: Registration
    factory: Callable[..., Any]
    parameters: Mapping[str, Any]
    """As the factory receives them."""
    plain: Mapping[str, Any]
    """The same as YAML data, with defaults."""
    place: Problem
    """Its position in the recipe; `what` is empty."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of its optional parameters, as YAML data."""

    @property
    def id(self) -> str:
        """The full id, ``namespace/name``."""
        return self.registration.id

    @property
    def folder(self) -> str:
        """The last part of a data set's required `path`; empty for one that has none."""
        path = self.parameters.get("path")
        return path.name if isinstance(path, Path) and "path" not in self.defaults else ""

    def build(self, *arguments: Any) -> Any:
        """Call the factory with the engine's arguments and the recipe's parameters."""
        return self.factory(*arguments, **self.parameters)

    def problem(self, what: str) -> Problem:
        """Return a problem at the component's position in the recipe."""
        return replace(self.place, what=what)

    def locked(self) -> dict[str, Any]:
        """Return its entry in the lock: id, revision, version, source hash."""
        return {
            "id": self.id,
            "revision": self.registration.revision,
            "distribution": self.registration.distribution,
            "version": self.registration.version,
            "source_sha256": source_sha256(self.registration.target),
        }


@dataclass(frozen=True)
class Budget:
    """Length and cadence of a run in steps, and the samples of its scores."""

    steps: int
    save_every: int
    sample_every: int
    eval_every: int
    log_every: int
    samples: int
    """Generated samples of a score during training."""
    final_samples: int
    """Generated samples of the final scores."""


@dataclass(frozen=True)
class Plan:
    """A checked recipe, from which `ganzoo.components.build.build` makes the live components."""

    recipe: Recipe
    registry: Registry
    components: Mapping[Slot, ComponentPlan]
    dataset: Dataset
    budget: Budget
    memory_format: str
    """``auto`` until the dry run resolves it."""
    step_flops: float | None = None
    """FLOPs of one update of each player, forward and backward; None before the dry run."""
    batch_multiple: int = 1
    """What the rows of every batch of D must be a multiple of; 1 before the dry run."""
    notes: tuple[str, ...] = ()

    @property
    def spec(self) -> SampleSpec:
        """What one sample is."""
        return self.dataset.spec

    @property
    def extractor(self) -> ComponentPlan | None:
        """The feature extractor; None if the run has no scores."""
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
        """``memory``, ``cache`` or ``stream``: `train.data`, with ``auto`` resolved.

        Data that does not fit into memory is cached if the data set decodes files.
        """
        chosen = self.recipe.settings.train.data
        if chosen != "auto":
            return chosen
        condition = self.spec.condition
        row = stored_bytes(self.spec) + (stored_bytes(condition) if condition else 0)
        if len(self.dataset) * row <= MEMORY_LIMIT_BYTES:
            return "memory"
        return "cache" if source_files(self.dataset) else "stream"

    def lock(self) -> dict[str, Any]:
        """Return the lock: the resolved recipe, and the versions and defaults of its code."""
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


def stored_bytes(spec: SampleSpec) -> int:
    """Return the size of one sample in stored form."""
    return math.prod(spec.shape) * getattr(torch, spec.stored_dtype).itemsize


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
    """Return the sha256 of the source file of a target's module; None if it has no file."""
    spec = find_spec(target.partition(":")[0])
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        return None
    return sha256(Path(spec.origin).read_bytes()).hexdigest()


def module_code_sha256(factory: Callable[..., Any]) -> str | None:
    """Return a hash of the code of a factory's module; None if it has no Python source.

    The modules of its own top-level package that it imports, directly or through one of them, count
    as well. Without any it is the module's `code_sha256`.
    """
    name = factory.__module__
    try:
        hashes = {name: code_sha256(inspect.getsource(sys.modules[name]).encode())}
        found = _siblings(name, inspect.getsource(sys.modules[name]))
        while found:
            sibling = found.pop()
            if sibling not in hashes and (source := _source_of(sibling)) is not None:
                hashes[sibling] = code_sha256(source.encode())
                found |= _siblings(sibling, source)
    except (OSError, TypeError, KeyError, SyntaxError):
        return None
    if len(hashes) == 1:
        return hashes[name]
    lines = (f"{module} {digest}\n" for module, digest in sorted(hashes.items()))
    return sha256("".join(lines).encode()).hexdigest()


def _siblings(module: str, source: str) -> set[str]:
    """Return the modules of its own top-level package that a module may import, by its source.

    ``from package import name`` may mean a module `name` or one in ``package/__init__.py``.
    """
    is_package = hasattr(sys.modules.get(module), "__path__")
    package = module if is_package else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    top = module.partition(".")[0]
    return {name for name in found if name.partition(".")[0] == top and name != module}


def _source_of(module: str) -> str | None:
    """Return the source of a module; None if there is no such module, or no source of it."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return getattr(spec.loader, "get_source", lambda _: None)(module) if spec else None


def code_sha256(source: bytes) -> str:
    """Return the sha256 of a module's code: its syntax tree without comments and docstrings.

    The hash is of the unparsed tree, which all versions of Python write alike; `ast.dump` changes
    between versions.
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
    """Return whether a statement is only a string, such as a docstring."""
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
