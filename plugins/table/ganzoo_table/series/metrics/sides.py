"""Both sides of a score as arrays of windows, and what a metric compares them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ganzoo.api import DataError, Evaluated
from ganzoo_table.series.windows import Values


def windows_of(metric: str, side: Evaluated) -> Values:
    """Return the windows of a side, float64 (N, C, T).

    Raises:
        DataError: the samples are no windows, or there are none.
    """
    spec = side.extraction.spec if side.extraction else None
    if spec is None or len(spec.shape) != 2 or len(spec.columns) != spec.shape[0]:
        raise DataError(f"{metric} needs windows of series")
    if not len(side.samples):
        raise DataError(f"{metric} needs windows, and there are none")
    return side.samples.numpy()


def held_out(metric: str, real: Evaluated) -> Values | None:
    """Return the windows of the split ``test``, or None; see `Evaluated.held_out`."""
    test = real.held_out()
    return None if test is None else windows_of(metric, test)


def centred(windows: Values) -> Values:
    """Return windows less the mean of each channel: exactly 0 where a channel is constant."""
    # The mean of equal numbers differs from them by rounding.
    constant = np.ptp(windows, axis=(0, 2), keepdims=True) == 0
    return np.where(constant, 0.0, windows - windows.mean((0, 2), keepdims=True))


def independent(windows: Values) -> Values:
    """Return windows of the same values, each channel's shuffled over all windows and steps.

    So a channel keeps its distribution, and nothing depends on anything else. The result does not
    depend on the order of the windows.
    """
    random, shuffled = np.random.default_rng(0), np.empty_like(windows)
    for index in range(windows.shape[1]):
        ordered = np.sort(windows[:, index], axis=None)
        shuffled[:, index] = random.permutation(ordered).reshape(windows[:, index].shape)
    return shuffled


def compared(
    metric: str,
    real: Evaluated,
    fake: Evaluated,
    measure: Callable[[Values, Values], Mapping[str, float]],
    *,
    baseline: bool = True,
) -> dict[str, float]:
    """Return the numbers of `measure(real, other)` for generated windows and those beside them.

    ``…_held_out`` are held-out windows; ``…_independent`` windows of independent steps, if there is
    a `baseline`.
    """
    windows = windows_of(metric, real)
    others: dict[str, Values | None] = {
        "": windows_of(metric, fake),
        "_held_out": held_out(metric, real),
        "_independent": independent(windows) if baseline else None,
    }
    return {
        f"{name}{ending}": value
        for ending, other in others.items()
        if other is not None
        for name, value in measure(windows, other).items()
    }
