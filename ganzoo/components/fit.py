"""Check that components fit together: first by registrations and parameters, then by the
capabilities of the live instances."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ganzoo.api import CAPABILITIES, Dataset
from ganzoo.components.build import Components, batch_multiple, capabilities, make, requirements
from ganzoo.components.groups import betas_by_name
from ganzoo.components.plan import NETWORKS, ComponentPlan, Plan, Slot, initial_paths
from ganzoo.errors import Findings
from ganzoo.recipes.schema import Mark, marked
from ganzoo.registry.loading import info_command
from ganzoo.registry.names import PLURALS, guess, shorten
from ganzoo.runs.directory import INFO

if TYPE_CHECKING:
    from ganzoo.recipes.load import Recipe

ComponentPlans = Mapping[Slot, ComponentPlan]

ROLES = (*NETWORKS, "latent")
"""Components of which a loss or a regularizer can require capabilities."""

METHODS = {"styles": ("styles", "from_styles"), "score-function": ("log_prob",)}
"""Capability of G → the methods that it promises."""

SCHEDULED = ("optimizers", "loss", "regularizers", "augmentation", *ROLES)
"""Sections whose components' numbers can be scheduled."""


# --- before there are networks -------------------------------------------------------------------


def fit_plan(recipe: Recipe, components: ComponentPlans, dataset: Dataset) -> None:
    """Check that the components support this data, and that the settings fit each other.

    Raises:
        RecipeError: every problem.
        DataError: the reference split does not exist.
    """
    findings = Findings()
    _fit_data(recipe, components, dataset, findings)
    _fit_scores(recipe, components, findings)
    _fit_training(recipe, findings)
    fit_schedules(recipe, components, findings)
    findings.raise_any()
    if ("eval", "extractor") in components:
        _fit_reference(recipe, components, dataset, findings)
        findings.raise_any()


def _fit_reference(
    recipe: Recipe, components: ComponentPlans, dataset: Dataset, findings: Findings
) -> None:
    split = recipe.settings.eval.reference
    reference = dataset if split == "train" else make(components["dataset",], split)
    if len(reference) < 2:
        what = f"{split} has {len(reference)} sample: nothing is scored against fewer than 2"
        findings.add(recipe.problem(("eval", "reference"), what), "eval.extractor=null")


def _fit_data(
    recipe: Recipe, components: ComponentPlans, dataset: Dataset, findings: Findings
) -> None:
    spec = dataset.spec
    for slot, component in components.items():
        modalities = component.registration.modalities
        if modalities and spec.modality not in modalities:
            what = (
                f"{component.id} is for {' or '.join(sorted(modalities))}, but the data is {spec}"
            )
            hint = f"ganzoo list {PLURALS[component.registration.kind]}"
            findings.add(recipe.problem(slot, what), hint)
    if recipe.settings.conditional and not (spec.classes or spec.condition):
        what = f"the data has no classes and no condition: {spec}"
        findings.add(recipe.problem(("conditional",), what), "conditional=false")
    if recipe.settings.labels == "uniform" and spec.condition:
        what = f"'uniform' is for classes, and the data has a condition: {spec}"
        findings.add(recipe.problem(("labels",), what), "labels=data")
    if len(dataset) == 0:
        findings.add(recipe.problem(("dataset",), "the data set is empty"))


def _fit_scores(recipe: Recipe, components: ComponentPlans, findings: Findings) -> None:
    scores, stop = recipe.settings.eval, recipe.settings.train.stop
    dataset = components["dataset",].registration
    if dataset.splits and scores.reference not in dataset.splits:
        near = guess(scores.reference, dataset.splits) or f"; it has {', '.join(dataset.splits)}"
        what = f"{dataset.id} has no split {scores.reference!r}{near}"
        findings.add(recipe.problem(("eval", "reference"), what), info_command(dataset))
    if scores.extractor is None:
        needy: list[Slot] = [slot for slot in components if slot[:2] == ("eval", "metrics")]
        needy += [("train", "stop")] if stop else []
        for slot in needy:
            what = "needs a score, and there is no extractor to score with"
            findings.add(recipe.problem(slot, what), "eval.extractor=auto")
    elif stop and stop.metric != "frechet" and not scores.metrics:
        what = f"no number {stop.metric!r} is computed - did you mean 'frechet'?"
        findings.add(recipe.problem(("train", "stop", "metric"), what))


def _fit_training(recipe: Recipe, findings: Findings) -> None:
    train = recipe.settings.train
    for role, path in initial_paths(recipe).items():
        if not path.exists():
            what = f"there is no run or weights file {path}"
            findings.add(recipe.problem(("init", role), what), "ganzoo ls")
        elif path.is_dir() and not (path / INFO).is_file():
            what = f"{path} is a directory, but no run: it has no {INFO}"
            findings.add(recipe.problem(("init", role), what), "ganzoo ls")
    if train.micro_batch and train.batch_size % train.micro_batch:
        what = f"{train.micro_batch} does not divide the batch of {train.batch_size}"
        near = max(n for n in range(1, train.micro_batch) if train.batch_size % n == 0)
        findings.add(recipe.problem(("train", "micro_batch"), what), f"train.micro_batch={near}")


def fit_schedules(
    recipe: Recipe, components: ComponentPlans, findings: Findings, *, complete: bool = True
) -> None:
    """Add a problem for every schedule of a number that does not exist.

    Args:
        complete: whether `components` are all of the recipe's. If not, schedules of the missing
            ones are skipped: those have problems of their own.
    """
    numbers = dict(_numbers(components)) | dict(_numbers_of_settings(recipe))
    for key in recipe.settings.schedules:
        slot, _, name = key.rpartition(".")
        if name in numbers.get(slot, ()) or not (complete or slot in numbers):
            continue
        if slot in numbers:
            near = guess(name, numbers[slot])
            if name == "betas" and (betas := [n for n in numbers[slot] if n.startswith("beta")]):
                near = f" - did you mean {' or '.join(map(repr, betas))}?"
            what = f"{slot} has no number {name!r}"
            if slot in ROLES and _is_number(components[slot,].plain.get(name)):
                what = f"{slot} is built with {name!r}, a whole number: it cannot be scheduled"
            all_of = f"; it has {', '.join(numbers[slot])}" if numbers[slot] else ""
        else:
            near = guess(key, [f"{each}.{n}" for each, names in numbers.items() for n in names])
            what = f"nothing called {slot!r} has numbers that can be scheduled"
            all_of = f"; these have: {', '.join(each for each, names in numbers.items() if names)}"
        problem = recipe.problem(("schedules", key), what + (near or all_of))
        findings.add(problem, _info_of(slot, components))


def _numbers(components: ComponentPlans) -> Iterator[tuple[str, list[str]]]:
    """Yield each schedulable slot with the names of its numbers."""
    sides = []
    for slot, component in components.items():
        if slot[0] in SCHEDULED:
            names = [name for name, value in component.plain.items() if _is_number(value)]
            if slot[0] in ROLES:  # whole numbers are sizes, which a network is built with
                names = [name for name in names if isinstance(component.plain[name], float)]
            names += ["weight"] if slot[0] == "regularizers" else []
            names += betas_by_name(component.plain.get("betas"))
            yield ".".join(slot), names
            sides += [names] if slot[0] == "optimizers" else []
    if len(sides) == len(NETWORKS):
        yield "optimizers.both", [name for name in sides[0] if name in sides[1]]


def _numbers_of_settings(recipe: Recipe) -> Iterator[tuple[str, list[str]]]:
    """Yield each section of settings, ``train`` and ``train.ema``, with its schedulable numbers."""
    given: dict[str, list[str]] = {}
    for key in marked(Mark.SCHEDULABLE):
        value: Any = recipe.settings
        for name in key.split("."):
            value = getattr(value, name, None)  # `train.ema` may be off
        if _is_number(value):
            section, _, name = key.rpartition(".")
            given.setdefault(section, []).append(name)
    yield from sorted(given.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _info_of(slot: str, components: ComponentPlans) -> str | None:
    path = ("optimizers", "generator") if slot == "optimizers.both" else tuple(slot.split("."))
    component = components.get(path)
    return info_command(component.registration) if component else None


# --- with live components ------------------------------------------------------------------------


def fit(plan: Plan, parts: Components) -> None:
    """Check that the capabilities of live components fit together.

    Raises:
        RecipeError: every problem.
    """
    findings = Findings()
    using = [slot for slot, part in _losses(parts) if "conditional" in capabilities(part)]
    for role in NETWORKS:
        does = capabilities(getattr(parts, role))
        if role == "discriminator" and using and "conditional" not in does:
            continue  # AC-GAN: D classifies without labels, and the loss compares
        _fit_labels(plan, plan.components[role,], does, findings)
    if not plan.recipe.settings.conditional:
        for slot in using:
            what = f"{plan.components[slot].id} wants labels, but the recipe is not conditional"
            findings.add(plan.recipe.problem(slot, what), "conditional=true")
    _fit_requirements(plan, parts, findings)
    _fit_methods(plan, parts, findings)
    train = plan.recipe.settings.train
    if train.micro_batch:
        for key, what in against_micro_batches(plan, parts):
            findings.add(plan.recipe.problem(("train", key), what), "train.micro_batch=null")
    try:
        _fit_batches(plan, batch_multiple(parts.discriminator), findings)
    except ValueError as error:
        what = f"{plan.components['discriminator',].id} {error}"
        findings.add(plan.recipe.problem(("discriminator",), what))
    findings.raise_any()


def against_micro_batches(plan: Plan, parts: Components) -> Iterator[tuple[str, str]]:
    """Yield what rules out micro-batches: a key of ``train``, and the reason."""
    coupled: list[Slot] = []
    if "batch-coupled" in capabilities(parts.discriminator):
        coupled = [("discriminator",)]
    coupled += [slot for slot, part in _losses(parts) if "batch-coupled" in capabilities(part)]
    for slot in coupled:
        what = f"{plan.components[slot].id} is batch-coupled: micro-batches would change it"
        yield "micro_batch", what
    if plan.recipe.settings.train.batch_norm == "synced" and parts.normed():
        yield "batch_norm", "synced is over the whole batch: with micro-batches it could not be"


def _fit_requirements(plan: Plan, parts: Components, findings: Findings) -> None:
    """Add a problem for each role that lacks what the loss or a regularizer requires of it."""
    offered = {role: capabilities(getattr(parts, role)) for role in ROLES}
    for slot, part in _losses(parts):
        component = plan.components[slot]
        for role, words in requirements(part).items():
            if role not in offered:
                near = guess(role, ROLES) or f"; it has {', '.join(ROLES)}"
                what = f"{component.id} requires something of {role!r}, which is no role{near}"
                findings.add(plan.recipe.problem(slot, what))
            elif missing := sorted(words - offered[role]):
                what = f"{component.id} needs a {role} with {', '.join(map(_word, missing))}"
                having = plan.components[role,].registration
                what += f"; {having.id} has none with these parameters"
                hint = f"ganzoo list {PLURALS[role]}"
                if having.capabilities.issuperset(missing):
                    hint = info_command(having, "--kind", role)
                findings.add(plan.recipe.problem(slot, what), hint)


def _word(capability: str) -> str:
    """Return a capability that is required; says so if there is no such word."""
    if capability in CAPABILITIES or "/" in capability:
        return capability
    return f"{capability!r} (no capability{guess(capability, CAPABILITIES)})"


def _fit_methods(plan: Plan, parts: Components, findings: Findings) -> None:
    """Add a problem for each capability that G declares without the methods that it promises."""
    for word in sorted(capabilities(parts.generator) & METHODS.keys()):
        names = [each for each in METHODS[word] if not hasattr(parts.generator, each)]
        if names:
            component = plan.components["generator",]
            what = f"{component.id} declares {word}, but has no method {' and no '.join(names)}"
            what += f": {CAPABILITIES[word]}"
            hint = f"ganzoo conformance {shorten(component.id)} --kind generator"
            findings.add(plan.recipe.problem(("generator",), what), hint)


def _fit_batches(plan: Plan, multiple: int, findings: Findings) -> None:
    """Add a problem for each size of a batch that is not a multiple of D's `batch_multiple`."""
    train = plan.recipe.settings.train
    whole, part = train.batch_size, train.micro_batch
    fitting = -(-whole // multiple) * multiple
    parts = [n for n in range(multiple, fitting, multiple) if fitting % n == 0 and n <= (part or 0)]
    nearest = {"batch_size": fitting, "micro_batch": max(parts, default="null")}
    for key, size in (("batch_size", whole), ("micro_batch", part)):
        if size and size % multiple:
            critic = plan.components["discriminator",].id
            what = f"{size} is not a multiple of {multiple}, which {critic} judges together"
            hint = f"train.{key}={nearest[key]}"
            findings.add(plan.recipe.problem(("train", key), what), hint)


def _fit_labels(
    plan: Plan, network: ComponentPlan, does: Collection[str], findings: Findings
) -> None:
    wanted = plan.recipe.settings.conditional
    if wanted == ("conditional" in does):
        return
    role, has_word = network.slot[0], "conditional" in network.plain
    if wanted:
        what = f"the recipe is conditional, but {network.id} does not use labels as it is set here"
        hint = f"{role}.conditional=true" if has_word else f"ganzoo list {role}s"
        if network.plain.get("conditional"):  # another parameter, such as a head, rules labels out
            hint = info_command(network.registration)
    else:
        what = f"{network.id} wants labels, but the recipe is not conditional"
        can_be = plan.spec.classes or plan.spec.condition or not has_word
        hint = "conditional=true" if can_be else f"{role}.conditional=false"
    findings.add(plan.recipe.problem(network.slot, what), hint)


def _losses(parts: Components) -> Iterator[tuple[Slot, Any]]:
    yield ("loss",), parts.loss
    for slot in parts.regularizers:
        yield ("regularizers", slot.name), slot.component
