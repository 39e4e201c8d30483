"""Change of the sample rate by Fourier transforms."""

from __future__ import annotations

from math import gcd

import torch
from torch import Tensor

EDGE = 0.95
"""Frequencies fade out between this share of half the lower rate and all of it."""


def ratio(from_rate: int, to_rate: int) -> tuple[int, int]:
    """Return the smallest numbers of samples at the two rates that last equally long."""
    common = gcd(from_rate, to_rate)
    return from_rate // common, to_rate // common


def resampled(x: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Return signals (…, N) at another rate, by their spectrum.

    The result has a whole number of blocks, as many samples each as `ratio` says: it is that of the
    signal with zeros at its end. Frequencies fade with half a cosine at half the lower rate.
    """
    if from_rate == to_rate:
        return x
    old, new = ratio(from_rate, to_rate)
    blocks = -(-x.shape[-1] // old)
    x = torch.nn.functional.pad(x, (0, blocks * old - x.shape[-1]))
    kept = blocks * min(old, new) // 2 + 1
    place = torch.linspace(0, 1, kept, dtype=torch.float64, device=x.device)
    fade = ((place - EDGE) / (1 - EDGE)).clamp(0, 1)
    spectrum = torch.fft.rfft(x.double())[..., :kept] * (0.5 + 0.5 * (torch.pi * fade).cos())
    return (torch.fft.irfft(spectrum, blocks * new) * (new / old)).to(x.dtype)
