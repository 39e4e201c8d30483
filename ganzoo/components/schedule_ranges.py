"""Check that scheduled numbers stay in the ranges of their parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ganzoo.components.build import blaming, make
from ganzoo.components.groups import betas_by_name
from ganzoo.components.parameters import WrongParameters, validated
from ganzoo.components.plan import NETWORKS, ComponentPlan, Slot
from ganzoo.components.signature import parameter_model
from ganzoo.errors import Findings
from ganzoo.registry.loading import info_command

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ganzoo.recipes.load import Recipe

POINTS = 1000
"""Times of the run at which a schedule is evaluated."""


def fit_schedule_ranges(
    recipe: Recipe, components: Mapping[Slot, ComponentPlan], findings: Findings
) -> None:
    """Add a problem for every schedule that leaves the range of its number during the run."""
    train = recipe.settings.train
    total = train.samples or (train.steps or 0) * train.samples_per_step
    for key in recipe.settings.schedules:
        component = components["schedules", key]
        schedule = make(component)
        with blaming(component, "to give its numbers"):
            steps = range(0, total + 1, -(-total // POINTS) or 1)
            first = {float(schedule(seen)): seen for seen in reversed(steps)}
        slot, _, name = key.rpartition(".")
        for model, plain in _owners(slot, recipe, components):
            for given in (min(first), max(first)):
                absolute = getattr(schedule, "absolute", False)
                if what := _wrong(model, plain, name, given, absolute=absolute):
                    what += f" (after {first[given]:,} samples)"
                    hint = info_command(component.registration)
                    findings.add(recipe.problem(("schedules", key), what), hint)


def _wrong(
    model: type[BaseModel], plain: Mapping[str, Any], name: str, given: float, *, absolute: bool
) -> str:
    """Return what is wrong with a scheduled parameter; nothing for a regularizer's weight."""
    betas = betas_by_name(plain.get("betas"))
    start = betas.get(name, plain.get(name))
    if start is None:
        return ""
    value = given if absolute else given * start
    # One step back from an open end of a range: a rate may fall to 0.
    number = round(value) if isinstance(start, int) else math.nextafter(value, start)
    new = {"betas": list((betas | {name: number}).values())} if name in betas else {name: number}
    try:
        validated(model, {**plain, **new})
    except WrongParameters as wrong:
        return wrong.found[0][1].replace(f"{number}", f"{value:g}")
    return ""


def _owners(
    slot: str, recipe: Recipe, components: Mapping[Slot, ComponentPlan]
) -> Iterator[tuple[type[BaseModel], Mapping[str, Any]]]:
    """Yield the parameters of what has a scheduled number: their model, and their values."""
    section, _, role = slot.partition(".")
    if section == "train":
        settings: Any = recipe.settings.train.ema if role else recipe.settings.train
        yield type(settings), settings.model_dump(mode="json")
        return
    for name in NETWORKS if slot == "optimizers.both" else (role,):
        component = components[(section, name) if role else (section,)]
        registration = component.registration
        model = parameter_model(registration.kind, registration.id, component.factory)
        yield model, component.plain
