"""Recipe → Plan: every id resolved, every parameter checked and every default written out.

These are the third and the fourth of the five passes of a check (ids, parameters), and as much of
the fifth (fit) as needs no network. Nothing is trained and no weight is made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError

from ganzoo.api import Dataset, Registration, SampleSpec
from ganzoo.build.signature import (
    parameter_model,
    parameter_names,
    parameter_values,
    path_parameters,
    plain_values,
)
from ganzoo.errors import PluginError, Problem, RecipeError
from ganzoo.recipes.ids import check_ids
from ganzoo.recipes.ids import components as named_components
from ganzoo.recipes.skeleton import Node
from ganzoo.recipes.words import in_words
from ganzoo.registry.names import suggest

if TYPE_CHECKING:
    from ganzoo.recipes.recipe import Recipe
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

    @property
    def id(self) -> str:
        """The full id, ``namespace/name``."""
        return self.registration.id

    def build(self, *arguments: Any) -> Any:
        """Call the factory. `arguments` are the engine's."""
        return self.factory(*arguments, **self.parameters)

    def locked(self) -> dict[str, Any]:
        """Return what identifies the code of this component."""
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
    """A recipe that has been checked: what `ganzoo.build.components.build` makes live."""

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
        """Return the recipe with nothing left open, and what its code is."""
        full = self.full_recipe()
        full["train"] |= {
            "data": self.data,
            "memory_format": self.memory_format,
            "compile": False,
            "save_every_steps": self.budget.save_every,
            "sample_every_steps": self.budget.sample_every,
        }
        full["eval"] |= {
            "every_steps": self.budget.eval_every,
            "final_samples": self.budget.final_samples,
        }
        components = {".".join(slot): each.locked() for slot, each in self.components.items()}
        return {**full, "lock": {"torch": str(torch.__version__), "components": components}}

    def full_recipe(self) -> dict[str, Any]:
        """Return the recipe as plain data with full ids and all parameters."""
        full = self.recipe.resolved()
        for role, path in initial_paths(self.recipe).items():
            full["init"][role] = str(path)
        for slot, component in self.components.items():
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


class _WrongParameters(Exception):
    """`found`: (path below the component, what is wrong) of each parameter."""

    def __init__(self, found: list[tuple[Slot, str]]) -> None:
        super().__init__()
        self.found = found


def plan_component(
    registry: Registry,
    registration: Registration,
    slot: Slot,
    parameters: Mapping[str, Any],
    *,
    directory_of: Callable[[str], Path] = lambda name: Path.cwd(),
    defaults: Mapping[str, Any] = {},
) -> ComponentPlan:
    """Import a component's factory and check the parameters that it is to be given.

    Args:
        directory_of: what a relative path in a parameter is relative to.
        defaults: parameters that the engine gives where the factory has them and nobody else did.

    Raises:
        PluginError: the factory cannot be imported or breaks the contract.
    """
    factory = registry.resolve(registration)
    model = parameter_model(registration.kind, registration.id, factory)
    names = parameter_names(model)
    given = {name: value for name, value in defaults.items() if name in names} | dict(parameters)
    for name in path_parameters(model):
        if isinstance(given.get(name), str):
            given[name] = str(directory_of(name) / Path(given[name]).expanduser())
    try:
        checked = model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        raise _WrongParameters(
            [(tuple(map(str, e["loc"])), _wrong_parameter(e, names)) for e in error.errors()]
        ) from error
    return ComponentPlan(
        slot, registration, factory, parameter_values(checked), plain_values(checked)
    )


def adhoc_component(
    registry: Registry, kind: str, name: str, parameters: Mapping[str, Any]
) -> ComponentPlan:
    """Return a component that no recipe names, such as the data set of ``ganzoo score``.

    Raises:
        RecipeError: parameters that it does not have, or of another type.
        PluginError: there is no such component, or it is broken.
    """
    registration = registry.get(kind, name)
    try:
        return plan_component(registry, registration, (kind,), parameters)
    except _WrongParameters as wrong:
        problems = [
            Problem("command line", 0, 0, ".".join((kind, *path)), what)
            for path, what in wrong.found
        ]
        raise RecipeError(problems, hint=f"ganzoo info {registration.id}") from None


def source_sha256(target: str) -> str | None:
    """Return the sha256 of the source file that `target`'s module lives in."""
    spec = find_spec(target.partition(":")[0])
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        return None
    return sha256(Path(spec.origin).read_bytes()).hexdigest()


def _put(tree: dict[str, Any], slot: Slot, node: dict[str, Any]) -> None:
    for key in slot[:-1]:
        tree = tree[int(key)] if isinstance(tree, list) else tree.setdefault(key, {})
    if isinstance(tree, list):
        tree[int(slot[-1])] = node
    else:
        kept = tree.get(slot[-1]) or {}
        own = {key: kept[key] for key in ("weight", "every_steps") if key in kept}
        tree[slot[-1]] = node | own


def make_plan(recipe: Recipe, registry: Registry) -> Plan:
    """Check a recipe's ids, parameters and data.

    Raises:
        RecipeError: with every problem that the failing pass found.
        PluginError: a component breaks the contract.
        DataError: the data set is missing or damaged.
    """
    if problems := check_ids(recipe, registry):
        raise RecipeError(problems)
    planner = _Planner(recipe, registry)
    components = planner.components()
    if planner.problems:
        raise RecipeError(sorted(planner.problems), hint=planner.hint)
    dataset = components["dataset",].build("train")
    planner.choose_extractor(components)
    planner.fit(components, dataset)
    if planner.problems:
        raise RecipeError(sorted(planner.problems))
    return Plan(
        recipe=recipe,
        registry=registry,
        components=components,
        dataset=dataset,
        budget=make_budget(recipe),
        memory_format=recipe.settings.train.memory_format,
        notes=(*recipe.notes, *planner.notes),
    )


def make_budget(recipe: Recipe) -> Budget:
    """Return the run's length and cadence; what the recipe leaves open is a tenth of the run."""
    train, scores = recipe.settings.train, recipe.settings.eval
    shown = train.batch_size * train.discriminator_steps
    steps = train.steps or math.ceil((train.images or 0) / shown)
    tenth = max(1, steps // 10)
    return Budget(
        steps=steps,
        save_every=train.save_every_steps or tenth,
        sample_every=train.sample_every_steps or tenth,
        eval_every=scores.every_steps or tenth,
        log_every=train.log_every_steps,
        samples=scores.samples,
        final_samples=scores.final_samples or scores.samples,
    )


class _Planner:
    """Collects the problems of all components, so that they are reported at once."""

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe = recipe
        self.registry = registry
        self.settings = recipe.settings
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.hint: str | None = None

    def components(self) -> dict[Slot, ComponentPlan]:
        found: dict[Slot, ComponentPlan] = {}
        for slot, kind, node in named_components(self.settings):
            if component := self.component(kind, slot, node):
                found[slot] = component
        return found

    def component(self, kind: str, slot: Slot, node: Node) -> ComponentPlan | None:
        """Return the component with its parameters checked; None if there are problems."""
        registration = self.registry.get(kind, node.use)
        conditional = self.settings.conditional and kind in NETWORKS
        try:
            return plan_component(
                self.registry,
                registration,
                slot,
                node.parameters,
                directory_of=lambda name: self.recipe.directory_of((*slot, name)),
                defaults={"conditional": True} if conditional else {},
            )
        except _WrongParameters as wrong:
            self.problems += [self.recipe.problem((*slot, *p), what) for p, what in wrong.found]
            self.hint = self.hint or f"ganzoo info {registration.id}"
        except PluginError as error:
            self.problems.append(self.recipe.problem(slot, error.message))
            self.hint = self.hint or error.hint
        return None

    def choose_extractor(self, components: dict[Slot, ComponentPlan]) -> None:
        """Add the data set's own extractor where the recipe says ``auto``."""
        if self.settings.eval.extractor is None:
            self.notes.append("no score: eval.extractor is null")
        if self.settings.eval.extractor != "auto":
            return
        dataset = components["dataset",].registration
        if dataset.extractor is None:
            self.notes.append(
                f"no score: {dataset.id} has no extractor of its own, and the inception extractor "
                "is not there yet; name one with eval.extractor (`ganzoo list extractors`)"
            )
            return
        node = Node(use=dataset.extractor)
        if component := self.component("extractor", ("eval", "extractor"), node):
            components["eval", "extractor"] = component

    def fit(self, components: Mapping[Slot, ComponentPlan], dataset: Dataset) -> None:
        """Check that the components can do what this data is."""
        spec = dataset.spec
        for slot, component in components.items():
            modalities = component.registration.modalities
            if modalities and spec.modality not in modalities:
                can = " or ".join(sorted(modalities))
                self.fault(slot, f"{component.id} is for {can}, but the data is {spec}")
        if self.settings.conditional and not spec.classes:
            self.fault(("conditional",), f"the data has no classes: {spec}")
        if len(dataset) == 0:
            self.fault(("dataset",), "the data set is empty")
        self.fit_reference(components)
        self.fit_training()

    def fit_training(self) -> None:
        train = self.settings.train
        for role, path in initial_paths(self.recipe).items():
            if not path.exists():
                self.fault(("init", role), f"there is no run or file {path}")
        if train.micro_batch and train.batch_size % train.micro_batch:
            what = f"{train.micro_batch} does not divide the batch of {train.batch_size}"
            self.fault(("train", "micro_batch"), what)
        if train.stop and train.stop.metric != "frechet" and not self.settings.eval.metrics:
            what = f"no number {train.stop.metric!r} is computed - did you mean 'frechet'?"
            self.fault(("train", "stop", "metric"), what)

    def fit_reference(self, components: Mapping[Slot, ComponentPlan]) -> None:
        split = self.settings.eval.reference
        dataset = components["dataset",]
        splits = dataset.registration.splits
        if splits and split not in splits:
            near = suggest(split, splits)
            hint = f" - did you mean {near!r}?" if near else f"; it has {', '.join(splits)}"
            self.fault(("eval", "reference"), f"{dataset.id} has no split {split!r}{hint}")
        elif ("eval", "extractor") in components and split != "train":
            dataset.build(split)

    def fault(self, slot: Slot, what: str) -> None:
        self.problems.append(self.recipe.problem(slot, what))


def _wrong_parameter(error: Any, names: list[str]) -> str:
    """Return what pydantic found wrong with a component's parameter, in plain words."""
    if error["type"] == "extra_forbidden":
        near = suggest(str(error["loc"][-1]), names)
        return "unknown parameter" + (f" - did you mean {near!r}?" if near else "")
    return in_words(error)
