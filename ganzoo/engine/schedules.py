"""Schedules: numeric parameters that follow the number of images seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ganzoo.api import Schedule
from ganzoo.errors import PluginError


@dataclass(frozen=True)
class Knob:
    """One scheduled number: where its value starts, and how to set it."""

    start: float
    schedule: Schedule
    set: Callable[[float], None]

    def apply(self, images_seen: int) -> None:
        value = self.schedule(images_seen)
        self.set(value if getattr(self.schedule, "absolute", False) else self.start * value)


@dataclass
class Schedules:
    """All scheduled numbers of a run."""

    knobs: list[Knob] = field(default_factory=list)

    def apply(self, images_seen: int) -> None:
        """Set every scheduled number to its value after `images_seen` images."""
        for knob in self.knobs:
            knob.apply(images_seen)


def attribute_knob(path: str, owners: Sequence[Any], name: str, schedule: Schedule) -> Knob:
    """Return the knob of a component's numeric attribute, which must be called as its parameter.

    Args:
        owners: the component, and what else stands in its slot (a regularizer's weight).

    Raises:
        PluginError: none of them keeps a number of that name.
    """
    for owner in owners:
        start = getattr(owner, name, None)
        if isinstance(start, int | float) and not isinstance(start, bool):
            return Knob(float(start), schedule, partial(setattr, owner, name))
    raise PluginError(
        f"schedules.{path}: {type(owners[0]).__name__} keeps no number called {name!r}",
        hint="only parameters that a component keeps as an attribute can be scheduled",
    )


def optimizer_knob(path: str, optimizer: Any, name: str, schedule: Schedule) -> Knob:
    """Return the knob of a numeric option of every parameter group of an optimizer.

    Raises:
        PluginError: the optimizer has no such number.
    """
    groups = optimizer.param_groups
    start = groups[0].get(name)
    if isinstance(start, bool) or not isinstance(start, int | float):
        raise PluginError(f"schedules.{path}: the optimizer has no number called {name!r}")

    def set_all(value: float) -> None:
        for group in groups:
            group[name] = value

    return Knob(float(start), schedule, set_all)


def make_schedules(
    schedules: Mapping[str, Schedule],
    optimizers: Mapping[str, Any],
    components: Mapping[str, Sequence[Any]],
) -> Schedules:
    """Return the knobs of a recipe's ``schedules``.

    Args:
        schedules: by dotted recipe path: ``optimizers.both.lr``, ``regularizers.r1.gamma``.
        optimizers: ``generator`` and ``discriminator`` → optimizer.
        components: by dotted slot (``loss``, ``regularizers.r1``) what keeps its numbers.

    Raises:
        PluginError: a path that leads to no number.
    """
    knobs = []
    for path, schedule in schedules.items():
        owner, _, name = path.rpartition(".")
        if owner.startswith("optimizers."):
            role = owner.removeprefix("optimizers.")
            chosen = list(optimizers.values()) if role == "both" else [optimizers.get(role)]
            if None in chosen:
                raise PluginError(f"schedules.{path}: there is no {owner}")
            knobs += [optimizer_knob(path, optimizer, name, schedule) for optimizer in chosen]
        elif owner in components:
            knobs.append(attribute_knob(path, components[owner], name, schedule))
        else:
            known = ", ".join(["optimizers.both", *components])
            raise PluginError(
                f"schedules.{path}: nothing called {owner!r} can be scheduled", hint=known
            )
    return Schedules(knobs)
