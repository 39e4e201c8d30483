"""Recipe → Plan: ids, parameters and as much of the fit as needs no network are checked.

These are the third and the fourth of the five passes of a check, and the beginning of the fifth.
Nothing is trained and no weight is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ganzoo.api import Dataset
from ganzoo.build.parameters import WrongParameters, plan_component
from ganzoo.build.plan import NETWORKS, Budget, ComponentPlan, Plan, Slot, initial_paths
from ganzoo.errors import PluginError, Problem, RecipeError
from ganzoo.recipes.ids import check_ids
from ganzoo.recipes.ids import components as named_components
from ganzoo.recipes.skeleton import Node
from ganzoo.registry.names import suggest

if TYPE_CHECKING:
    from ganzoo.recipes.recipe import Recipe
    from ganzoo.registry.registry import Registry


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
        except WrongParameters as wrong:
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
