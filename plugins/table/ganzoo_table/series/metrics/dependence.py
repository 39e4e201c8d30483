"""How steps depend on earlier ones, within a channel and between channels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganzoo.api import DataError, Evaluated, PositiveInt
from ganzoo_table.series.metrics.sides import centred, compared, windows_of
from ganzoo_table.series.windows import Values


class Autocorrelation:
    """Root mean square difference of autocorrelations, over channels and lags. 0 is equal.

    `autocorrelation` is that of values, `autocorrelation_absolute` that of their distance from the
    mean, which shows clusters of large changes (both are in arXiv:1907.06673, section 6.2). Means
    and variances are those of all windows of a side.

    Args:
        lags: the longest lag, in steps; half of the window if it is not given.
    """

    def __init__(self, *, lags: PositiveInt | None = None) -> None:
        self.lags = lags

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        def measure(ours: Values, theirs: Values) -> dict[str, float]:
            lags = _longest(self.lags, ours)
            return {
                "autocorrelation": _error(*(_own(each, lags) for each in (ours, theirs))),
                "autocorrelation_absolute": _error(
                    *(_own(_distances(each), lags) for each in (ours, theirs))
                ),
            }

        return compared("autocorrelation", real, fake, measure)


class CrossCorrelation:
    """Root mean square difference of correlations between channels, over pairs and lags.

    Lags run from minus the longest one to plus that. 0 is equal.

    Args:
        lags: the longest lag, in steps; half of the window if it is not given.
    """

    def __init__(self, *, lags: PositiveInt | None = None) -> None:
        self.lags = lags

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        channels = windows_of("cross-correlation", real).shape[1]
        if channels < 2:
            raise DataError("cross-correlation needs two channels")

        def measure(ours: Values, theirs: Values) -> dict[str, float]:
            lags = _longest(self.lags, ours)
            pairs = [_others(correlations(each, lags)) for each in (ours, theirs)]
            return {"cross_correlation": _error(*pairs)}

        return compared("cross-correlation", real, fake, measure)


def correlations(windows: Values, lags: int) -> Values:
    """Return r[k, c, d], the correlation of x_c at t with x_d at t + k, (lags + 1, C, C).

    It is the mean over windows and steps of (x_c - mean) (x_d - mean), divided by both standard
    deviations; 0 where a channel is constant.
    """
    x = centred(windows)
    deviation = np.sqrt((x**2).mean((0, 2)))
    scale = np.where(deviation > 0, deviation, np.inf)
    length = windows.shape[2]
    means = [
        np.einsum("nct,ndt->cd", x[..., : length - lag], x[..., lag:], optimize=True)
        / (len(windows) * (length - lag))
        for lag in range(lags + 1)
    ]
    return np.stack(means) / np.outer(scale, scale)


def _own(windows: Values, lags: int) -> Values:
    """Return the autocorrelations of each channel at lags from 1 on, (lags, C)."""
    return np.diagonal(correlations(windows, lags), axis1=1, axis2=2)[1:]


def _others(found: Values) -> Values:
    """Return what is between different channels, (lags + 1, C (C - 1))."""
    return found[:, ~np.eye(found.shape[1], dtype=bool)]


def _distances(windows: Values) -> Values:
    return np.abs(centred(windows))


def _longest(lags: int | None, windows: Values) -> int:
    """Return the longest lag that is asked for and that the windows have."""
    steps = windows.shape[2]
    return max(min(lags or steps // 2, steps - 1), 0)


def _error(first: Values, second: Values) -> float:
    return float(np.sqrt(np.mean((first - second) ** 2))) if first.size else float("nan")
