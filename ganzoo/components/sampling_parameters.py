"""The keyword arguments of a generator's `forward`: noise."""

from __future__ import annotations

import inspect

from torch import nn

NOISE = "noise"
"""The keyword-only argument of `forward` through which the engine passes a `ganzoo.api.Noise`."""


def takes_noise(network: nn.Module) -> bool:
    """Return whether a network's `forward` has the keyword-only argument `noise`."""
    return NOISE in keyword_arguments(network)


def keyword_arguments(network: nn.Module) -> dict[str, inspect.Parameter]:
    """Return the keyword-only arguments of a network's `forward`, by name."""
    parameters = inspect.signature(network.forward).parameters
    return {name: each for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}
