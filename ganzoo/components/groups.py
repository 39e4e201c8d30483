"""Parameter groups: `optimizers.SIDE.groups` → the groups that an optimizer is given.

A pattern is matched against the names of `nn.Module.named_parameters`; that of a weight under a
parametrization, such as spectral norm, is the weight's own. A parameter that several
groups match takes from each what it says; two that say different things of it are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.optim import Optimizer

from ganzoo.recipes.schema import Group
from ganzoo.registry.names import guess

SETTINGS = ("lr_factor", "weight_decay")


class WrongGroups(Exception):
    """`found`: (path below ``groups``, what is wrong) of each group."""

    def __init__(self, found: list[tuple[tuple[str, ...], str]]) -> None:
        super().__init__()
        self.found = found


@dataclass
class ParameterGroup:
    """Parameters that an optimizer treats alike; `own` holds what the recipe says of them."""

    own: Mapping[str, float]
    parameters: list[nn.Parameter] = field(default_factory=list)

    def settle(self, live: dict[str, Any]) -> None:
        """Set what is said of these parameters in their group of a live optimizer.

        The group keeps `own` beside it, for schedules: see `ganzoo.training.schedules`.

        Raises:
            ValueError: the optimizer keeps no such number in its groups.
        """
        for name in self.own:
            number = "lr" if name == "lr_factor" else name
            if not isinstance(live.get(number), int | float):
                raise ValueError(f"keeps no {number!r} in its groups, so that none has its own")
            if name == "lr_factor":
                live["lr"] *= self.own[name]
            else:
                live[name] = self.own[name]
        live["own"] = dict(self.own)


def settle(groups: Sequence[ParameterGroup], optimizer: Optimizer) -> None:
    """Set what a recipe says of its groups in an optimizer that was given them in this order.

    Raises:
        ValueError: the optimizer has other groups, or no such numbers in them.
    """
    if not any(group.own for group in groups):
        return
    if len(groups) != len(optimizer.param_groups):
        raise ValueError("does not keep the parameter groups that it is given")
    for group, live in zip(groups, optimizer.param_groups, strict=True):
        if group.own:
            group.settle(live)


def parameter_groups(
    parameters: Mapping[str, nn.Parameter], groups: Mapping[str, Group], role: str
) -> list[ParameterGroup]:
    """Return a network's parameters by what is said of them, in order of first appearance.

    Args:
        parameters: by name; all are to be trained.
        role: of their network, for messages.

    Raises:
        WrongGroups: every pattern that matches nothing, and the first contradiction of each group.
    """
    names = [_plain(name) for name in parameters]
    wrong = [*_unmatched(names, groups, role), *_contradictions(names, groups)]
    if wrong:
        raise WrongGroups(wrong)
    found: dict[tuple[tuple[str, float], ...], ParameterGroup] = {}
    for name, parameter in zip(names, parameters.values(), strict=True):
        own = {key: value for _, key, value in _said_of(name, groups)}
        key = tuple(sorted(own.items()))
        found.setdefault(key, ParameterGroup(own)).parameters.append(parameter)
    return list(found.values()) or [ParameterGroup({})]


def _plain(name: str) -> str:
    """Return ``layer.weight`` for ``layer.parametrizations.weight.original``."""
    return re.sub(r"parametrizations\.(\w+)\.original\d*$", r"\1", name)


def _said_of(name: str, groups: Mapping[str, Group]) -> Iterator[tuple[str, str, float]]:
    """Yield (group, setting, value) of whatever is said of a parameter."""
    for label, group in groups.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns(group)):
            for setting in SETTINGS:
                if (value := getattr(group, setting)) is not None:
                    yield label, setting, value


def patterns(group: Group) -> tuple[str, ...]:
    """Return the patterns of a group."""
    return (group.match,) if isinstance(group.match, str) else group.match


def _unmatched(
    names: list[str], groups: Mapping[str, Group], role: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    for label, group in groups.items():
        if not patterns(group):
            yield (label, "match"), f"no pattern: give one, such as {names[0]!r}"
        for pattern in patterns(group):
            if not any(fnmatchcase(name, pattern) for name in names):
                some = f"; its parameters are named such as {names[0]!r}" if names else ""
                near = guess(pattern, _plausible(names)) or some
                yield (label, "match"), f"{pattern!r} matches no parameter of the {role}{near}"
        if all(getattr(group, setting) is None for setting in SETTINGS):
            yield (label,), f"says nothing of its parameters: give {' or '.join(SETTINGS)}"


def _plausible(names: list[str]) -> list[str]:
    """Return patterns that would match: names, modules with all below them, and last parts."""
    found = dict.fromkeys(names)
    for name in names:
        parts = name.split(".")
        found |= dict.fromkeys(".".join(parts[:n]) + ".*" for n in range(1, len(parts)))
        found[f"*.{parts[-1]}"] = None
    return list(found)


def _contradictions(
    names: list[str], groups: Mapping[str, Group]
) -> Iterator[tuple[tuple[str, ...], str]]:
    told: set[tuple[str, str]] = set()
    for name in names:
        said: dict[str, tuple[str, float]] = {}
        for label, setting, value in _said_of(name, groups):
            other, before = said.setdefault(setting, (label, value))
            if before != value and (label, setting) not in told:
                told.add((label, setting))
                what = f"is {value:g}, but {name!r} is also in {other!r}, which says {before:g}"
                yield (label, setting), what
