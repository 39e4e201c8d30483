"""Schedules: numeric parameters as functions of the number of real samples seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ganzoo.api import Schedule


@dataclass(frozen=True)
class Knob:
    """One scheduled number: its initial value, and how to set it."""

    start: float
    schedule: Schedule
    set: Callable[[float], None]
    factor: float = 1.0
    """Multiplies an absolute value: a parameter group's `lr_factor`."""

    def apply(self, samples_seen: int) -> None:
        """Set the number to its value after this many samples."""
        value = self.schedule(samples_seen)
        absolute = getattr(self.schedule, "absolute", False)
        self.set(value * (self.factor if absolute else self.start))


def knobs(
    path: str,
    schedule: Schedule,
    optimizers: Mapping[str, Any],
    components: Mapping[str, Sequence[Any]],
    taken: Collection[str] = (),
    settings: Mapping[str, Sequence[Any]] | None = None,
) -> list[Knob]:
    """Return the knobs of one entry of a recipe's ``schedules``.

    Args:
        path: path of a number in the recipe: ``optimizers.both.lr``, ``regularizers.r1.gamma``.
        optimizers: ``generator`` and ``discriminator`` → optimizer.
        components: dotted slot (``loss``, ``regularizers.r1``) → the objects that keep its numbers.
        taken: all scheduled paths. ``both`` leaves out a side that has a schedule of its own.
        settings: dotted section (``train``, ``train.ema``) → the objects that keep its numbers.

    Raises:
        ValueError: there is no number at the path.
    """
    owner, _, name = path.rpartition(".")
    section, _, role = owner.partition(".")
    if section == "optimizers":
        wanted = [role] if role != "both" else list(optimizers)
        own = {f"optimizers.{each}.{name}": each for each in wanted}
        return [
            knob
            for full, each in own.items()
            if full == path or full not in taken
            for knob in optimizer_knobs(optimizers[each], name, schedule)
        ]
    if section == "train":
        return [attribute_knob([each], name, schedule) for each in (settings or {}).get(owner, ())]
    return [attribute_knob(components[owner], name, schedule)]


def attribute_knob(owners: Sequence[Any], name: str, schedule: Schedule) -> Knob:
    """Return the knob of a component's numeric attribute, named like its parameter.

    Args:
        owners: the component, and its slot (for a regularizer's weight).

    Raises:
        ValueError: none of them keeps a number under that name.
    """
    for owner in owners:
        start = getattr(owner, name, None)
        if isinstance(start, int | float) and not isinstance(start, bool):
            return Knob(float(start), schedule, partial(setattr, owner, name))
    kind = type(owners[0]).__name__
    raise ValueError(f"{kind} does not keep {name!r} as an attribute: it cannot be scheduled")


def optimizer_knobs(optimizer: Any, name: str, schedule: Schedule) -> list[Knob]:
    """Return the knobs of a numeric option of an optimizer, one per parameter group.

    A group with its own value of that option (such as weight decay) keeps it.

    Raises:
        ValueError: the optimizer has no such number.
    """
    knobs = []
    for index, group in enumerate(optimizer.param_groups):
        start = group.get(name)
        if isinstance(start, bool) or not isinstance(start, int | float):
            raise ValueError(f"{type(optimizer).__name__} has no number {name!r} in its groups")
        own = group.get("own", {})
        if name not in own:
            factor = own.get("lr_factor", 1.0) if name == "lr" else 1.0
            turn = partial(_set_in_group, optimizer, index, name)
            knobs.append(Knob(float(start), schedule, turn, factor))
    return knobs


def _set_in_group(optimizer: Any, index: int, name: str, value: float) -> None:
    # Loading a checkpoint replaces the groups, so they are looked up at each call.
    optimizer.param_groups[index][name] = value
