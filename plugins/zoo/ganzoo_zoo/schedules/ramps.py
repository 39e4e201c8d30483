"""Schedules that go from one value to another."""

import math

from ganzoo.api import NonNegativeInt, PositiveInt


class Linear:
    """A straight line between two factors.

    It goes from `start` at `begin_samples` to `end` at `end_samples`, and is constant outside.

    Args:
        end_samples: number of real samples seen by D from which the result is exactly `end`.
        start: the factor up to `begin_samples`.
        end: the factor from `end_samples` on.
        begin_samples: number of real samples seen by D up to which the result is `start`.
        absolute: whether the results replace the recipe's value instead of multiplying it.

    Raises:
        ValueError: `end_samples` is not above `begin_samples`.
    """

    def __init__(
        self,
        *,
        end_samples: PositiveInt,
        start: float = 1.0,
        end: float = 0.0,
        begin_samples: NonNegativeInt = 0,
        absolute: bool = False,
    ) -> None:
        _check_order(begin_samples, end_samples)
        self.start, self.end = start, end
        self.begin_samples, self.end_samples = begin_samples, end_samples
        self.absolute = absolute

    def __call__(self, samples_seen: int) -> float:
        weight = 1 - _progress(samples_seen, self.begin_samples, self.end_samples)
        return self.start * weight + self.end * (1 - weight)


class Cosine:
    """Half a cosine between two factors.

    It goes from `start` at `begin_samples` to `end` at `end_samples`, and is constant outside.

    Args:
        end_samples: number of real samples seen by D from which the result is exactly `end`.
        start: the factor up to `begin_samples`.
        end: the factor from `end_samples` on.
        begin_samples: number of real samples seen by D up to which the result is `start`.
        absolute: whether the results replace the recipe's value instead of multiplying it.

    Raises:
        ValueError: `end_samples` is not above `begin_samples`.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    def __init__(
        self,
        *,
        end_samples: PositiveInt,
        start: float = 1.0,
        end: float = 0.0,
        begin_samples: NonNegativeInt = 0,
        absolute: bool = False,
    ) -> None:
        _check_order(begin_samples, end_samples)
        self.start, self.end = start, end
        self.begin_samples, self.end_samples = begin_samples, end_samples
        self.absolute = absolute

    def __call__(self, samples_seen: int) -> float:
        progress = _progress(samples_seen, self.begin_samples, self.end_samples)
        weight = (1 + math.cos(math.pi * progress)) / 2
        return self.start * weight + self.end * (1 - weight)


def _check_order(begin_samples: int, end_samples: int) -> None:
    if end_samples <= begin_samples:
        raise ValueError(
            f"end_samples ({end_samples}) must be above begin_samples ({begin_samples})"
        )


def _progress(samples_seen: int, begin_samples: int, end_samples: int) -> float:
    """Return the fraction of the way from begin to end, clamped to [0, 1]."""
    progress = (samples_seen - begin_samples) / (end_samples - begin_samples)
    return min(max(progress, 0.0), 1.0)
