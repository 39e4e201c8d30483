"""Windows of sines, as TimeGAN draws them."""

from __future__ import annotations

import math

import numpy as np

from ganzoo.api import Column, DataError, NonNegativeInt, PositiveFloat, PositiveInt
from ganzoo_table.series.windows import Values, Windows, in_a_row, with_range


class Sines(Windows):
    """Windows of (sin(f t + p) + 1) / 2, with f and p uniform for each window and channel.

    The defaults are those of TimeGAN's experiments (Yoon, Jarrett & van der Schaar 2019, "Time-
    series generative adversarial networks"): 10,000 windows of 24 steps and 5 channels, where f and
    p are below 0.1. Such windows are nearly straight. ``frequency: 1.0, phase: 6.2832`` has waves.

    Args:
        length: windows of a split.
        steps: of a window.
        channels: independent sines of a window.
        frequency: largest f, in radians a step.
        phase: largest p, in radians.
        seed: of f and p.

    Raises:
        DataError: no such split.
    """

    def __init__(
        self,
        split: str,
        *,
        length: PositiveInt = 10_000,
        steps: PositiveInt = 24,
        channels: PositiveInt = 5,
        frequency: PositiveFloat = 0.1,
        phase: PositiveFloat = 0.1,
        seed: NonNegativeInt = 0,
    ) -> None:
        if split not in ("train", "test"):
            raise DataError(f"sines has no split {split!r}", hint="eval.reference=train")
        if frequency > math.pi:
            raise DataError(
                f"sines: {frequency:g} radians a step are above the Nyquist frequency, pi",
                hint="dataset.frequency=1.0",
            )

        def draw(number: int) -> Values:
            random = np.random.default_rng([seed, number])
            f, p = (random.uniform(0, most, (length, 1, channels)) for most in (frequency, phase))
            return (np.sin(f * np.arange(steps)[:, None] + p) + 1) / 2

        train = draw(0)
        columns = [with_range(Column(f"x{index}"), train[..., index]) for index in range(channels)]
        super().__init__(columns, *in_a_row(train if split == "train" else draw(1)), steps)

    def source_files(self) -> dict:
        return {}
