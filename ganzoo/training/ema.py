"""The exponential moving average of the generator, by half-life in samples."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from ganzoo.components.groups import plain_name
from ganzoo.registry.names import guess

STATISTICS = ("running_mean", "running_var")
"""Buffers that are averaged: batch norm's statistics, by the last part of their names."""


class Ema:
    """Average G's weights; the share of older weights halves every half-life.

    Per update ``average = beta * average + (1 - beta) * current`` with
    ``beta = 0.5 ** (samples / half_life)``. The half-life is at most `ramp_up` times the samples
    seen, so the initial weights lose their share quickly. `averaged_and_copied` decides whether a
    tensor is averaged or copied.

    Args:
        half_life_samples: half-life, in samples seen.
        ramp_up: maximum half-life as a fraction of the samples seen; None: no maximum.
        latent: a latent that learns; it is averaged with G.

    Source: Karras et al. 2018, arXiv:1710.10196; half-life and ramp-up: arXiv:2006.06676.
    """

    def __init__(
        self,
        generator: nn.Module,
        half_life_samples: float,
        ramp_up: float | None = None,
        latent: nn.Module | None = None,
    ) -> None:
        self.half_life_samples = half_life_samples
        self.ramp_up = ramp_up
        self._averages: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._parameters: list[Tensor] = []
        self._buffers: list[_Buffer] = []
        self._copies: list[Tensor] = []
        self._copied: list[_Buffer] = []
        self.module = self._follow(generator)
        self.latent = None if latent is None else self._follow(latent)

    def beta(self, samples: int, samples_seen: int) -> float:
        """Return the weight of the old average in an update, in [0, 1]."""
        half_life = self.half_life_samples
        if self.ramp_up is not None:
            half_life = min(half_life, self.ramp_up * samples_seen)
        return 0.5 ** (samples / half_life) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self, samples: int, samples_seen: int) -> None:
        """Update the average with the current networks.

        Args:
            samples: samples seen since the last update.
            samples_seen: samples seen so far, these included.
        """
        weight, (parameters, buffers) = 1 - self.beta(samples, samples_seen), self._averages
        torch._foreach_lerp_(parameters, self._parameters, weight)
        if buffers:
            torch._foreach_lerp_(buffers, _read(self._buffers), weight)
        if self._copies:
            torch._foreach_copy_(self._copies, _read(self._copied))

    def _follow(self, network: nn.Module) -> nn.Module:
        """Return a copy of a network, which `update` averages."""
        average = copy.deepcopy(network).eval().requires_grad_(False)
        averaged, copied = averaged_and_copied(network)
        # Finding the tensors takes longer than averaging a small network, so it is done once. A
        # forward pass may replace a buffer, so buffers are looked up at each update.
        parameters = dict(network.named_parameters())
        buffers = [name for name in averaged if name not in parameters]
        averaged = [name for name in averaged if name in parameters]
        for kept, names in zip(self._averages, (averaged, buffers), strict=True):
            kept += _read(_located(average, names))
        self._parameters += [parameters[name] for name in averaged]
        self._buffers += _located(network, buffers)
        self._copies += _read(_located(average, copied))
        self._copied += _located(network, copied)
        return average


_Buffer = tuple[nn.Module, str]
"""A module, and the name of a buffer (or parameter) of it."""


def _located(network: nn.Module, names: list[str]) -> list[_Buffer]:
    split = (name.rpartition(".") for name in names)
    return [(network.get_submodule(owner), leaf) for owner, _, leaf in split]


def _read(buffers: list[_Buffer]) -> list[Tensor]:
    return [getattr(owner, leaf) for owner, leaf in buffers]


def averaged_and_copied(network: nn.Module) -> tuple[list[str], list[str]]:
    """Return the names of the tensors that are averaged, and of those that are copied.

    Trained parameters and the running statistics of batch norm are averaged, and every other buffer
    is copied. A parameter that is not trained is neither. The network's attributes `averaged` and
    `copied`, patterns of names, change that.

    Raises:
        ValueError: a pattern matches nothing, a tensor matches both attributes, or `averaged`
            matches an integer tensor.
    """
    parameters, buffers = dict(network.named_parameters()), dict(network.named_buffers())
    tensors = parameters | buffers
    averaged = {name for name, each in parameters.items() if each.requires_grad}
    averaged |= {name for name in buffers if name.rpartition(".")[2] in STATISTICS}
    averaged = {name for name in averaged if tensors[name].is_floating_point()}
    copied = {name for name in tensors if name in buffers or tensors[name].requires_grad} - averaged
    asked = {key: set(_matching(network, key, list(tensors))) for key in ("averaged", "copied")}
    if both := sorted(asked["averaged"] & asked["copied"]):
        raise ValueError(f"{both[0]!r} matches a pattern of `averaged` and one of `copied`")
    for name in sorted(asked["averaged"]):
        if not tensors[name].is_floating_point():
            kind = str(tensors[name].dtype).removeprefix("torch.")
            raise ValueError(f"`averaged` matches {name!r}, and {kind} cannot be averaged")
    averaged = averaged - asked["copied"] | asked["averaged"]
    copied = copied - asked["averaged"] | asked["copied"]
    return [name for name in tensors if name in averaged], [n for n in tensors if n in copied]


def _matching(network: nn.Module, key: str, names: list[str]) -> Iterator[str]:
    """Yield the names that match a pattern of the network's attribute `key`."""
    plain = {name: plain_name(name) for name in names}
    patterns = getattr(network, key, ())
    for pattern in (patterns,) if isinstance(patterns, str) else patterns:
        found = [name for name in names if fnmatchcase(plain[name], pattern)]
        if not found:
            near = guess(pattern, plain.values())
            raise ValueError(f"`{key}` has {pattern!r}, which no parameter or buffer matches{near}")
        yield from found
