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
    count = x.shape[1]
    correlation = torch.fft.irfft(torch.fft.rfft(x, 2 * count).abs().square(), 2 * count)
    energy = x.square().cumsum(1)
    zero = energy.new_zeros(len(x), 1)
    # m(tau): energy of the first T - tau samples and of the last T - tau ones.
    whole = energy[:, -1:]
    first = energy.flip(1)
    last = whole - torch.cat([zero, energy[:, :-1]], 1)
    found = 2 * correlation[:, :count] / (first + last).clamp(min=1e-12)

    low = max(int(sample_rate / HIGHEST), 1)
    high = max(min(int(sample_rate / LOWEST), count // 2), low + 2)
    lags = found[:, low - 1 : high + 1]
    inner, before, after = lags[:, 1:-1], lags[:, :-2], lags[:, 2:]
    peak = (inner >= before) & (inner >= after) & (inner > 0)
    highest = inner.where(peak, 0.0).amax(1, keepdim=True)
    place = (peak & (inner >= FIRST_PEAK * highest)).int().argmax(1, keepdim=True)
    a, b, c = (each.gather(1, place)[:, 0] for each in (before, inner, after))
    curve = a - 2 * b + c
    shift = torch.where(curve < 0, (a - c) / (2 * curve), 0.0).clamp(-1, 1)
    lag = low + place[:, 0] + shift
    return Pitches(sample_rate / lag, torch.where(highest[:, 0] > 0, b, 0.0))
