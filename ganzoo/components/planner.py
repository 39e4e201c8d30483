"""Recipe → Plan: check ids, parameters, and the part of the fit that needs no networks.

These are the third and fourth of the five passes of a check, and the beginning of the fifth. No
network is built.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.api import SampleSpec
from ganzoo.components.build import contract_error, make
from ganzoo.components.extractors import automatic_extractor, why_unscored
from ganzoo.components.fit import fit_plan, fit_schedules
from ganzoo.components.parameters import WrongParameters, plan_component
from ganzoo.components.plan import NETWORKS, Budget, ComponentPlan, Plan, Slot
from ganzoo.errors import Findings, PluginError, RecipeError, UsageError
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.overrides import Overrides
from ganzoo.recipes.schema import BOTH, SIDES, Node, named_components
from ganzoo.recipes.yaml import KeyPath
from ganzoo.registry.loading import info_command
from ganzoo.registry.names import LOCAL_NAMESPACE, namespace_of, qualify, shorten

if TYPE_CHECKING:
    from ganzoo.registry.registry import Registry


def make_plan(recipe: Recipe, registry: Registry) -> Plan:
    """Check a recipe's ids, parameters and data.

    Raises:
        RecipeError: all problems of the first pass that finds any.
        PluginError: the data set breaks the contract.
        DataError: the data set is missing or damaged.
    """
    components, notes = plan_components(recipe, registry)
    source = components["dataset",]
    dataset = make(source, "train")
    if not isinstance(dataset.spec, SampleSpec):
        raise contract_error(source, f"the spec of {source.id} is no SampleSpec")
    fit_plan(recipe, components, dataset)
    if recipe.settings.eval.extractor == "auto" and ("eval", "extractor") not in components:
        why = why_unscored(source.registration, registry, dataset.spec)
        notes = [*notes, f"no score: {why.message}; try: {why.hint}"]
    return Plan(
        recipe=recipe,
        registry=registry,
        components=components,
        dataset=dataset,
        budget=make_budget(recipe),
        memory_format=recipe.settings.train.memory_format,
        notes=(*recipe.notes, *notes),
    )


def load_recipe(reference: str | Path, overrides: Overrides, registry: Registry) -> Recipe:
    """Return a recipe whose YAML and keys are valid.

    Raises:
        RecipeError: all problems of the first pass that finds any; together with those of the
            keys, also the wrong ids and parameters in the valid rest.
        PluginError: the reference is a recipe of a plugin that is not installed.
    """
    try:
        return Recipe.load(reference, overrides, registry)
    except RecipeError as error:
        if error.partial is None:
            raise
        planner = _Planner(error.partial, registry)
        planner.findings.take(error)
        planner.check()
        planner.findings.raise_any()
        raise


def plan_components(
    recipe: Recipe, registry: Registry
) -> tuple[dict[Slot, ComponentPlan], list[str]]:
    """Return all components with validated parameters, plus notes for the user.

    The data set is not opened.

    Raises:
        RecipeError: every unknown id, and every wrong parameter of the known ones.
    """
    planner = _Planner(recipe, registry)
    components = planner.check()
    planner.findings.raise_any()
    planner.choose_extractor(components)
    planner.findings.raise_any()
    return components, planner.notes


def plan_some(
    recipe: Recipe, registry: Registry, wanted: Callable[[Slot], bool]
) -> dict[Slot, ComponentPlan]:
    """Return some components with validated parameters; plugins of the others are not needed.

    Raises:
        RecipeError: every unknown id, and every wrong parameter of the known ones.
    """
    planner = _Planner(recipe, registry)
    components = planner.check(wanted)
    planner.findings.raise_any()
    return components


def is_sampled(slot: Slot) -> bool:
    """Return whether samples depend on a component: G, the latents, and schedules of both."""
    if slot[0] == "schedules":
        return slot[1].partition(".")[0] in ("generator", "latent")
    return slot in (("generator",), ("latent",), ("eval", "latent"))


def make_budget(recipe: Recipe) -> Budget:
    """Return the run's length and cadence; an interval that is null is a tenth of the run."""
    train, scores = recipe.settings.train, recipe.settings.eval
    steps = train.steps or math.ceil((train.samples or 0) / train.samples_per_step)
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
    """Plans all components of a recipe and collects their problems."""

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe = recipe
        self.registry = registry
        self.settings = recipe.settings
        self.findings = Findings()
        self.notes: list[str] = []

    def check(self, wanted: Callable[[Slot], bool] = lambda _: True) -> dict[Slot, ComponentPlan]:
        """Return the components that exist and have valid parameters; collect the problems."""
        try:
            check_ids(self.recipe, self.registry, wanted)
        except RecipeError as error:
            self.findings.take(error)
        components = {
            slot: component
            for slot, kind, node in named_components(self.settings)
            if wanted(slot) and (component := self.component(kind, slot, node))
        }
        fit_schedules(self.recipe, components, self.findings, complete=False)
        return components

    def component(self, kind: str, slot: Slot, node: Node) -> ComponentPlan | None:
        """Return one component; None if there are problems."""
        problem, findings = self.recipe.problem, self.findings
        try:
            registration = self.registry.get(kind, node.use)
        except PluginError:
            return None  # `check_ids` has reported it
        conditional = self.settings.conditional and kind in NETWORKS
        try:
            return plan_component(
                self.registry,
                registration,
                slot,
                node.parameters,
                place=problem(slot, ""),
                directory_of=lambda name: self.recipe.directory_of((*slot, name)),
                defaults={"conditional": True} if conditional else {},
            )
        except WrongParameters as wrong:
            for path, what in wrong.found:
                findings.add(problem((*slot, *path), what), info_command(registration))
        except PluginError as error:
            findings.add(problem(slot, error.message), error.hint)
        return None

    def choose_extractor(self, components: dict[Slot, ComponentPlan]) -> None:
        """Add the extractor that ``auto`` selects, if there is one."""
        chosen = self.settings.eval.extractor
        dataset = components["dataset",].registration
        if chosen is None:
            self.notes.append("no score: eval.extractor is null")
        elif isinstance(chosen, Node):
            fitting = components["eval", "extractor"].registration.datasets
            if fitting and dataset.id not in fitting:
                known = ", ".join(map(shorten, fitting))
                self.notes.append(
                    f"{chosen.use} was trained on {known}: scores of {shorten(dataset.id)} can be "
                    "compared with each other, but mean little"
                )
        else:
            try:
                node = Node(use=automatic_extractor(dataset, self.registry))
            except UsageError:
                return  # `make_plan`, which knows the data, says why
            if component := self.component("extractor", ("eval", "extractor"), node):
                components["eval", "extractor"] = component


# --- ids -----------------------------------------------------------------------------------------

_ALWAYS = (
    "the Fréchet distance is not listed as a metric: it is always computed if there is an "
    "extractor, and called FID if that is Inception"
)
_EXPECTED_NAMES = {
    ("metric", "zoo/fid"): _ALWAYS,
    ("metric", "zoo/frechet"): _ALWAYS,
}
"""Messages for names that users expect but that are not registered."""


def check_ids(
    recipe: Recipe, registry: Registry, wanted: Callable[[Slot], bool] = lambda _: True
) -> None:
    """Look up every wanted component of a recipe. Only plugins that the recipe names are loaded.

    Raises:
        RecipeError: one problem per unknown name, sorted by line, with the hint of the first.
    """
    findings = Findings()
    for path, kind, node in named_components(recipe.settings):
        if not wanted(path):
            continue
        try:
            registry.get(kind, node.use, requirement=_requirement(recipe, namespace_of(node.use)))
        except PluginError as error:
            what = _EXPECTED_NAMES.get((kind, qualify(node.use)), error.message)
            hint = _hint_plugin_of_run(recipe, node.use) or error.hint
            findings.add(recipe.problem(_use_path(recipe, path), what), hint)
    findings.raise_any()


def _hint_plugin_of_run(recipe: Recipe, name: str) -> str | None:
    """Return a hint if the recipe is the lock of a run that keeps a copy of its plugin file."""
    file = Path(recipe.reference).parent / "plugin.py"
    if namespace_of(name) == LOCAL_NAMESPACE and recipe.lock and file.is_file():
        return f"the same command with --plugin {shlex.quote(str(file))}"
    return None


def _requirement(recipe: Recipe, namespace: str) -> str | None:
    """Return the pip requirements that provide a namespace, as far as the recipe knows them.

    A lock names the exact distribution and version; otherwise return all of `requires`.
    """
    resolved = recipe.lock["lock"].get("components") if recipe.lock else None
    for component in resolved.values() if isinstance(resolved, dict) else ():
        match component:
            case {"id": str(id), "distribution": str(distribution), "version": str(version)}:
                if namespace_of(id) == namespace:
                    return shlex.quote(f"{distribution}=={version}")
    return shlex.join(recipe.settings.requires) or None


def _use_path(recipe: Recipe, path: KeyPath) -> KeyPath:
    """Return where the name was written: `use`, or the slot itself in the short form."""
    use = (*path, "use")
    origin = recipe.origins.get(use)
    if path in SIDES and origin == recipe.origins.get((*BOTH, "use")):
        path = BOTH
        use = (*path, "use")
    return use if origin and origin != recipe.origins.get(path) else path
