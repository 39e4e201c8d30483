"""Windows of autoregressive processes of order two, whose coefficients are known."""

from __future__ import annotations

import math

import numpy as np

from ganzoo.api import Column, DataError, Fraction, NonNegativeInt, PositiveFloat, PositiveInt
from ganzoo_table.series.windows import Values, Windows, in_a_row, with_range

Coefficients = tuple[tuple[float, float], ...]

PHI: Coefficients = ((1.2, -0.7), (0.6, 0.3))
"""A wave of about 8 steps, cos(2 pi / P) = phi_1 (phi_2 - 1) / (4 phi_2), and a slow drift."""
SLOWEST = 0.995
"""Largest modulus of a root: a disturbance halves within 140 steps at most."""
FORGOTTEN = 1e-12
"""Share of the start, at zero, that is left of it in the first step of a window."""


class AR2(Windows):
    """Windows of x_t = phi_1 x_(t-1) + phi_2 x_(t-2) + e_t, with e_t normal, stationary.

    The channels have their own coefficients, and disturbances that correlate with each other.

    Args:
        length: windows of a split.
        steps: of a window.
        phi: (phi_1, phi_2) of each channel; by default a wave of 8 steps, and a slow drift.
        sd: standard deviation of e_t.
        correlation: between the disturbances of two channels at one step.
        seed: of the disturbances.

    Raises:
        DataError: no such split, or a channel is not stationary, or nearly not.
    """

    def __init__(
        self,
        split: str,
        *,
        length: PositiveInt = 4000,
        steps: PositiveInt = 24,
        phi: Coefficients = PHI,
        sd: PositiveFloat = 1.0,
        correlation: Fraction = 0.6,
        seed: NonNegativeInt = 0,
    ) -> None:
        if split not in ("train", "test"):
            raise DataError(f"ar2 has no split {split!r}", hint="eval.reference=train")
        require_stationary(phi)

        def draw(number: int) -> Values:
            random = np.random.default_rng([seed, number])
            return sd * simulated(phi, correlation, length, steps, random)

        train = draw(0)
        columns = [with_range(Column(f"x{index}"), train[..., index]) for index in range(len(phi))]
        super().__init__(columns, *in_a_row(train if split == "train" else draw(1)), steps)

    def source_files(self) -> dict:
        return {}


def modulus(phi: tuple[float, float]) -> float:
    """Return the larger modulus of the roots of z^2 - phi_1 z - phi_2; stationary below 1."""
    return float(np.abs(np.roots([1.0, -phi[0], -phi[1]])).max(initial=0.0))


def require_stationary(phi: Coefficients) -> None:
    """Raise DataError unless there is a channel and all of them are stationary."""
    if not phi:
        raise DataError("ar2 has no channel", hint="dataset.phi=[[1.2,-0.7]]")
    for each in phi:
        if modulus(each) > SLOWEST:
            raise DataError(
                f"ar2 with phi {list(each)} is not stationary, or nearly not: a root has the "
                f"modulus {modulus(each):.4g}, above {SLOWEST}",
                hint="dataset.phi=[[1.2,-0.7]]",
            )


def simulated(
    phi: Coefficients, correlation: float, count: int, steps: int, random: np.random.Generator
) -> Values:
    """Return windows (count, steps, C) of processes whose disturbances have variance 1."""
    slowest = max(map(modulus, phi))
    before = 2 + math.ceil(math.log(FORGOTTEN) / math.log(max(slowest, 0.01)))
    first, second = np.array(phi).T
    channels = len(phi)
    x = np.zeros((count, before + steps, channels))
    for step in range(2, before + steps):
        shared, own = random.standard_normal((count, 1)), random.standard_normal((count, channels))
        e = math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own
        x[:, step] = first * x[:, step - 1] + second * x[:, step - 2] + e
    return x[:, before:]
