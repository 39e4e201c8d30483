"""Parameter groups: `optimizers.SIDE.groups` → parameter groups of torch optimizers.

Patterns match the names of `nn.Module.named_parameters`. A weight under a parametrization, such as
spectral norm, keeps its plain name. If several groups match a parameter, it takes the settings of
all; two different values for one setting are refused.
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
    """Groups are wrong; `found` has (path below ``groups``, what is wrong) for each."""

    def __init__(self, found: list[tuple[tuple[str, ...], str]]) -> None:
        super().__init__()
        self.found = found


@dataclass
class ParameterGroup:
    """Parameters with the same settings; `own` holds the recipe's settings for them."""

    own: Mapping[str, float]
    parameters: list[nn.Parameter] = field(default_factory=list)

    def apply(self, live: dict[str, Any]) -> None:
        """Write the settings into the group of a live optimizer.

        The live group also keeps `own`, for schedules: see `ganzoo.training.schedules`.

        Raises:
            ValueError: the optimizer's groups have no such number.
        """
        for name in self.own:
            number = "lr" if name == "lr_factor" else name
            if not isinstance(live.get(number), int | float):
                raise ValueError(f"keeps no {number!r} in its groups, so no group can have its own")
            if name == "lr_factor":
                live["lr"] *= self.own[name]
            else:
                live[name] = self.own[name]
        live["own"] = dict(self.own)


def apply_settings(groups: Sequence[ParameterGroup], optimizer: Optimizer) -> None:
    """Write the recipe's settings into an optimizer that was made from these groups, in order.

    Raises:
        ValueError: the optimizer has other groups, or its groups have no such number.
    """
    if not any(group.own for group in groups):
        return
    if len(groups) != len(optimizer.param_groups):
        raise ValueError("does not keep the parameter groups that it receives")
    for group, live in zip(groups, optimizer.param_groups, strict=True):
        if group.own:
            group.apply(live)


def parameter_groups(
    parameters: Mapping[str, nn.Parameter], groups: Mapping[str, Group], role: str
) -> list[ParameterGroup]:
    """Return a network's parameters grouped by their settings, in order of first appearance.

    Args:
        parameters: name → trainable parameter.
        role: the network's, for messages.

    Raises:
        WrongGroups: every pattern that matches nothing, and the first contradiction of each group.
    """
    names = [plain_name(name) for name in parameters]
    wrong = [*_unmatched(names, groups, role), *_contradictions(names, groups)]
    if wrong:
        raise WrongGroups(wrong)
    found: dict[tuple[tuple[str, float], ...], ParameterGroup] = {}
    for name, parameter in zip(names, parameters.values(), strict=True):
        own = {key: value for _, key, value in _settings_of(name, groups)}
        key = tuple(sorted(own.items()))
        found.setdefault(key, ParameterGroup(own)).parameters.append(parameter)
    return list(found.values()) or [ParameterGroup({})]


def plain_name(name: str) -> str:
    """Return ``layer.weight`` for ``layer.parametrizations.weight.original``."""
    return re.sub(r"parametrizations\.(\w+)\.original\d*$", r"\1", name)


def betas_by_name(betas: Any) -> dict[str, float]:
    """Return an optimizer's `betas` under the names that schedules use: ``beta1``, ``beta2``, ….

    Empty if they are no numbers.
    """
    numbers = betas if isinstance(betas, list | tuple) else ()
    return {f"beta{n}": each for n, each in enumerate(numbers, 1) if isinstance(each, int | float)}


def _settings_of(name: str, groups: Mapping[str, Group]) -> Iterator[tuple[str, str, float]]:
    """Yield (group, setting, value) from every group that matches a parameter."""
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
                near = guess(pattern, _matching_patterns(names)) or some
                yield (label, "match"), f"{pattern!r} matches no parameter of the {role}{near}"
        if all(getattr(group, setting) is None for setting in SETTINGS):
            yield (label,), f"sets nothing: give {' or '.join(SETTINGS)}"


def _matching_patterns(names: list[str]) -> list[str]:
    """Return patterns that would match: full names, whole modules, and last parts."""
    found = dict.fromkeys(names)
    for name in names:
        parts = name.split(".")
        found |= dict.fromkeys(".".join(parts[:n]) + ".*" for n in range(1, len(parts)))
        found[f"*.{parts[-1]}"] = None
    return list(found)


def _contradictions(
    names: list[str], groups: Mapping[str, Group]
) -> Iterator[tuple[tuple[str, ...], str]]:
    reported: set[tuple[str, str]] = set()
    for name in names:
        known: dict[str, tuple[str, float]] = {}
        for label, setting, value in _settings_of(name, groups):
            other, before = known.setdefault(setting, (label, value))
            if before != value and (label, setting) not in reported:
                reported.add((label, setting))
                what = f"is {value:g}, but {name!r} is also in {other!r}, which sets {before:g}"
                yield (label, setting), what
