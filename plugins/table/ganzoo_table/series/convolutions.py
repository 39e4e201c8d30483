"""Features of windows: fixed random convolutions, as ROCKET has them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv1d

from ganzoo.api import NonNegativeInt, PositiveInt

LENGTHS = (7, 9, 11)
LEAST = 1e-4
"""Standard deviations below this, in model form, count as this: a constant window has no shape."""


class Kernel(NamedTuple):
    """Weights (C, taps) with mean 0, a bias, a dilation, and whether zeros are put around."""

    weights: Tensor
    bias: float
    dilation: int
    padded: bool


class RandomConvolutions:
    """Shape and level of a window: random convolutions of it, and its channels' mean and spread.

    Each kernel gives the share of positive outputs and their maximum. Kernels have a length of 7, 9
    or 11, normal weights with mean 0, a bias from -1 to 1, and a dilation of 2^x with x uniform
    up to the length of the window (Dempster, Petitjean & Webb 2020, arXiv:1910.13051, section 3.1);
    each takes some of the channels. They see channels standardised within the window, and the mean
    and the logarithm of the standard deviation, in model form, are features of their own: so a
    channel may have any scale. Nothing is trained; kernels follow from the seed, C and T.

    Args:
        kernels: their number, K; there are 2 K + 2 C features.
        seed: of the kernels.
    """

    input_shape = None
    model_form = True
    num_features = None
    layer = "random convolutions"
    weights_sha256 = None

    def __init__(self, *, kernels: PositiveInt = 64, seed: NonNegativeInt = 0) -> None:
        self.count, self.seed = kernels, seed
        self.made: dict[tuple[int, int], list[Kernel]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Return float32 (B, 2 K + 2 C) of windows (B, C, T) in model form."""
        mean = x.mean(2, keepdim=True)
        spread = x.std(2, correction=0, keepdim=True).clamp_min(LEAST)
        standardised = (x - mean) / spread
        channels, steps = x.shape[1:]
        parts = [mean[..., 0], spread[..., 0].log()]
        for weights, bias, dilation, padded in self.kernels(channels, steps):
            around = dilation * (weights.shape[1] - 1) // 2 if padded else 0
            taps = weights[None].to(x)
            y = conv1d(standardised, taps, padding=around, dilation=dilation)[:, 0] + bias
            parts += [(y > 0).float().mean(1, keepdim=True), y.amax(1, keepdim=True)]
        return torch.cat(parts, 1).float()

    def kernels(self, channels: int, steps: int) -> list[Kernel]:
        """Return the kernels for windows (C, T); short windows have short kernels."""
        if (channels, steps) not in self.made:
            random = torch.Generator().manual_seed(self.seed)
            self.made[channels, steps] = [
                _kernel(channels, steps, random) for _ in range(self.count)
            ]
        return self.made[channels, steps]


def _kernel(channels: int, steps: int, random: torch.Generator) -> Kernel:
    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    length = min(LENGTHS[int(uniform(0, len(LENGTHS)))], steps)
    weights = torch.randn(channels, length, generator=random)
    weights -= weights.mean(1, keepdim=True)
    taken = int(2 ** uniform(0, math.log2(channels + 1)))  # few channels more often than many
    left_out = torch.randperm(channels, generator=random)[taken:]
    weights[left_out] = 0
    longest = math.log2(max(steps - 1, 1) / max(length - 1, 1))
    dilation = int(2 ** uniform(0, max(longest, 0)))
    return Kernel(weights, uniform(-1, 1), dilation, uniform(0, 1) < 0.5)
