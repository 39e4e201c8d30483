"""Schedules: numeric parameters as functions of the number of real samples seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from torch import Tensor

from ganzoo.api import Schedule
from ganzoo.components.build import make
from ganzoo.components.groups import betas_by_name
from ganzoo.components.plan import ComponentPlan


@dataclass(frozen=True)
class Knob:
    """One scheduled number: its initial value, and how to set it."""

    start: float
    schedule: Schedule
    set: Callable[[float], None]
    factor: float = 1.0
    """Multiplies an absolute value: a parameter group's `lr_factor`."""
    path: str = ""
    """Its path in the recipe."""

    def value(self, samples_seen: int) -> float:
        """Return the number after this many samples."""
        value = self.schedule(samples_seen)
        absolute = getattr(self.schedule, "absolute", False)
        return value * (self.factor if absolute else self.start)

    def apply(self, samples_seen: int) -> None:
        """Set the number to its value after this many samples."""
        self.set(self.value(samples_seen))


def knobs(
    path: str,
    schedule: Schedule,
    optimizers: Mapping[str, Any],
    components: Mapping[str, Sequence[Any]],
    taken: Collection[str] = (),
    settings: Mapping[str, Sequence[Any]] | None = None,
    given: float | None = None,
    copies: Mapping[str, Sequence[Any]] = MappingProxyType({}),
) -> list[Knob]:
    """Return the knobs of one entry of a recipe's ``schedules``.

    Args:
        path: path of a number in the recipe: ``optimizers.both.lr``, ``regularizers.r1.gamma``.
        optimizers: ``generator`` and ``discriminator`` → optimizer.
        components: dotted slot (``loss``, ``regularizers.r1``) → the objects that keep its numbers.
        taken: all scheduled paths. ``both`` does not apply to a side with its own schedule.
        settings: dotted section (``train``, ``train.ema``) → the objects that keep its numbers.
        given: the number in the recipe; None: the object's own.
        copies: slot → copies of its component, on which the number is set too.

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
    knob = attribute_knob(components[owner], name, schedule, given)
    copied = [replace(knob, set=partial(set_number, each, name)) for each in copies.get(owner, ())]
    return [replace(each, path=path) for each in (knob, *copied)]


def attribute_knob(
    owners: Sequence[Any], name: str, schedule: Schedule, given: float | None = None
) -> Knob:
    """Return the knob of a component's number, named like its parameter.

    Args:
        owners: the component, and its slot (for a regularizer's weight).
        given: the number in the recipe. A tensor starts from it, because the tensor's own value
            may come from a checkpoint, and it has none in a dry run.

    Raises:
        ValueError: none of them keeps a number under that name.
    """
    for owner in owners:
        kept = getattr(owner, name, None)
        if isinstance(kept, int | float) and not isinstance(kept, bool):
            return Knob(float(kept), schedule, partial(set_number, owner, name))
        if is_number_tensor(kept) and given is not None:
            return Knob(given, schedule, partial(set_number, owner, name))
    kind = type(owners[0]).__name__
    raise ValueError(
        f"{kind} keeps no number as {name!r}, an attribute or a 0-dimensional float buffer: it "
        "cannot be scheduled"
    )


def is_number_tensor(kept: Any) -> bool:
    """Return whether a tensor can be scheduled: a float of shape () that is not trained."""
    return (
        isinstance(kept, Tensor)
        and kept.dim() == 0
        and kept.is_floating_point()
        and not kept.requires_grad
    )


def set_number(owner: Any, name: str, value: float) -> None:
    """Set a component's number, which is an attribute or a tensor."""
    kept = getattr(owner, name)
    if isinstance(kept, Tensor):
        kept.fill_(value)  # in place: a captured graph keeps reading the same tensor
    else:
        setattr(owner, name, value)


def set_sampled(made: Sequence[Knob], generator: Any, latent: Any, samples_seen: int) -> None:
    """Set the scheduled numbers of the generator and the latent that are sampled.

    Args:
        made: knobs of any components.
        samples_seen: by the weights that are sampled.
    """
    parts = {"generator": generator, "latent": latent}
    for knob in made:
        role, _, name = knob.path.rpartition(".")
        if role in parts:
            set_number(parts[role], name, knob.value(samples_seen))


def apply_to_sampled(
    components: Mapping[tuple[str, ...], ComponentPlan],
    generator: Any,
    latent: Any,
    samples_seen: int,
) -> None:
    """Set the scheduled numbers of a newly built G and latent to their values at a checkpoint.

    Args:
        components: of the plan, as `ganzoo.components.planner.plan_components` returns them.
        samples_seen: of the checkpoint.
    """
    parts, made = {"generator": generator, "latent": latent}, []
    for slot, component in components.items():
        role, _, name = slot[-1].rpartition(".")
        if slot[0] == "schedules" and role in parts:
            given = components[role,].plain.get(name)
            made += knobs(slot[-1], make(component), {}, {role: [parts[role]]}, given=given)
    set_sampled(made, generator, latent, samples_seen)


def optimizer_knobs(optimizer: Any, name: str, schedule: Schedule) -> list[Knob]:
    """Return the knobs of a numeric option of an optimizer, one per parameter group.

    ``beta1`` is the first of `betas`, and so on. A group with its own value of an option (such as
    weight decay) keeps it.

    Raises:
        ValueError: the optimizer has no such number.
    """
    knobs = []
    for index, group in enumerate(optimizer.param_groups):
        numbers = group | betas_by_name(group.get("betas"))
        start = numbers.get(name)
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
    group = optimizer.param_groups[index]
    betas = betas_by_name(group.get("betas"))
    if name in betas:
        group["betas"] = tuple((betas | {name: value}).values())
    else:
        group[name] = value
