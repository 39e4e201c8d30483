"""The fundamental frequency of a clip by its autocorrelation."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LOWEST, HIGHEST = 80.0, 2000.0
"""Hertz between which a pitch is looked for."""
FIRST_PEAK = 0.9
"""The pitch is the first peak of at least this share of the highest one: later ones are multiples
of the period."""

FINE = 32_000
"""Lags are looked at in steps of at most one part in this many of a second."""


class Pitches(NamedTuple):
    """What `pitches` found in a batch."""

    hertz: Tensor
    """Fundamental frequency, float64 (B,); of a clip without any, some number."""
    clarity: Tensor
    """Normalised autocorrelation there, float64 (B,): 1 is periodic, noise has less than 0.5."""


def pitches(x: Tensor, sample_rate: int) -> Pitches:
    """Return the pitch of clips (B, C, T), their channels mixed.

    The normalised square difference function n(tau) = 2 r(tau) / m(tau) of McLeod and Wyvill 2005
    (A smarter way to find pitch, ICMC), and a parabola through its peak.
    """
    x = x.double().mean(1)
    x = x - x.mean(1, keepdim=True)
    count, finer = x.shape[1], max(-(-FINE // sample_rate), 1)
    # Lags in steps of 1 / `finer` samples: at a low rate a short period falls between two samples.
    power = torch.fft.rfft(x, 2 * count).abs().square()
    correlation = finer * torch.fft.irfft(power, 2 * count * finer)
    energy = torch.cat([x.new_zeros(len(x), 1), x.square().cumsum(1)], 1)
    # m(tau) is the energy of the first T - tau samples and of the last T - tau ones.
    both = energy.flip(1) + energy[:, -1:] - energy
    both = torch.nn.functional.interpolate(
        both[:, None], count * finer + 1, mode="linear", align_corners=True
    )[:, 0]

    rate = sample_rate * finer
    low = max(int(rate / HIGHEST), 1)
    high = max(min(int(rate / LOWEST), count * finer // 2), low + 2)
    lags = slice(low - 1, high + 1)
    found = 2 * correlation[:, lags] / both[:, lags].clamp(min=1e-12)
    inner, before, after = found[:, 1:-1], found[:, :-2], found[:, 2:]
    peak = (inner >= before) & (inner >= after) & (inner > 0)
    highest = inner.where(peak, 0.0).amax(1, keepdim=True)
    place = (peak & (inner >= FIRST_PEAK * highest)).int().argmax(1, keepdim=True)
    a, b, c = (each.gather(1, place)[:, 0] for each in (before, inner, after))
    curve = a - 2 * b + c
    shift = torch.where(curve < 0, (a - c) / (2 * curve), 0.0).clamp(-1, 1)
    lag = low + place[:, 0] + shift
    return Pitches(rate / lag, torch.where(highest[:, 0] > 0, b, 0.0))
