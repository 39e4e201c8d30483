"""Check that schedules work, and keep their numbers in the ranges of the parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ganzoo.components.build import blaming, component_error, make
from ganzoo.components.groups import betas_by_name
from ganzoo.components.parameters import WrongParameters, validated
from ganzoo.components.plan import NETWORKS, Plan
from ganzoo.components.signature import parameter_model
from ganzoo.errors import Findings
from ganzoo.registry.loading import info_command

if TYPE_CHECKING:
    from pydantic import BaseModel

POINTS = 1000
"""Times of the run at which a schedule is called."""


def check_schedules(plan: Plan) -> None:
    """Call every schedule at many points of the run.

    Raises:
        RecipeError: one takes its number out of the range of the parameter.
        PluginError: one fails, or its value is not finite.
    """
    findings = Findings()
    total = plan.budget.steps * plan.recipe.settings.train.samples_per_step
    for key, component in plan.group("schedules").items():
        schedule, first = make(component), dict[float, int]()
        for samples_seen in range(0, total + 1, max(1, total // POINTS)):
            with blaming(component, f"at {samples_seen} samples"):
                value = float(schedule(samples_seen))
            if not math.isfinite(value):
                raise component_error(component, f"gave {value} at {samples_seen} samples")
            first.setdefault(value, samples_seen)
        name = key.rpartition(".")[2]
        absolute = getattr(schedule, "absolute", False)
        for model, plain in _owners(key, plan):
            for value in (min(first), max(first)):
                if what := _wrong(model, plain, name, value, absolute=absolute):
                    what += f" (after {first[value]:,} samples)"
                    findings.add(component.problem(what), info_command(component.registration))
    findings.raise_any()


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


def _owners(key: str, plan: Plan) -> Iterator[tuple[type[BaseModel], Mapping[str, Any]]]:
    """Yield the parameters of what has a scheduled number: their model, and their values.

    ``both`` does not apply to a side with its own schedule.
    """
    slot, _, number = key.rpartition(".")
    section, _, role = slot.partition(".")
    if section == "train":
        train = plan.recipe.settings.train
        settings: Any = train.ema if role else train
        yield type(settings), settings.model_dump(mode="json")
        return
    own = plan.group("schedules")
    sides = [each for each in NETWORKS if f"{section}.{each}.{number}" not in own]
    for name in sides if slot == "optimizers.both" else (role,):
        component = plan.components[(section, name) if role else (section,)]
        registration = component.registration
        model = parameter_model(registration.kind, registration.id, component.factory)
        yield model, component.plain
