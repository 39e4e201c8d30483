"""Autoregressive coefficients of windows against those of the process that data was drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from ganzoo.api import DataError, Evaluated, PositiveFloat
from ganzoo_table.series.datasets.ar2 import PHI, Coefficients
from ganzoo_table.series.metrics.sides import compared, windows_of
from ganzoo_table.series.windows import Values


class ARCoefficients:
    """Coefficients and disturbances of generated windows against the truth of ``ar2``.

    The law of a normal AR(2) process is known whole: its phi, and disturbances that are normal, of
    one variance, and independent. `ar_error` is the mean absolute error of phi, fitted to all
    windows by least squares. `ar_disturbance_ks` is the Kolmogorov-Smirnov distance of
    x_t - phi_1 x_(t-1) - phi_2 x_(t-2), by the true phi, from the normal distribution of the truth,
    `ar_disturbance_correlation` the absolute correlation of two that follow each other. All are
    means over channels; 0 is the truth.

    Args:
        phi: (phi_1, phi_2) of each channel, as the data set has it.
        sd: standard deviation of the disturbances, as the data set has it.
    """

    def __init__(self, *, phi: Coefficients = PHI, sd: PositiveFloat = 1.0) -> None:
        self.phi, self.sd = np.array(phi), sd

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        channels, steps = windows_of("ar-coefficients", real).shape[1:]
        if channels != len(self.phi) or steps < 4:
            raise DataError(
                f"ar-coefficients has phi of {len(self.phi)} channels, for windows of 4 steps or "
                f"more; these have {channels} channels and {steps} steps"
            )
        return compared("ar-coefficients", real, fake, lambda _, other: self._against(other))

    def _against(self, windows: Values) -> dict[str, float]:
        found = np.stack([fitted(channel) for channel in windows.swapaxes(0, 1)])
        first, second = self.phi.T[..., None]
        e = windows[..., 2:] - first * windows[..., 1:-1] - second * windows[..., :-2]
        normal = NormalDist(0, self.sd)
        channels = range(len(self.phi))
        return {
            "ar_error": float(np.abs(found - self.phi).mean()),
            "ar_disturbance_ks": float(
                np.mean([distance_to_normal(e[:, c].ravel(), normal) for c in channels])
            ),
            "ar_disturbance_correlation": float(
                np.mean([_correlation(e[:, c, :-1], e[:, c, 1:]) for c in channels])
            ),
        }


def fitted(windows: Values) -> Values:
    """Return (phi_1, phi_2) by least squares, of windows (N, T) less the mean of all values."""
    x = windows - windows.mean()
    design = np.stack([x[:, 1:-1].ravel(), x[:, :-2].ravel()], 1)
    found, *_ = np.linalg.lstsq(design, x[:, 2:].ravel(), rcond=None)
    return found


def distance_to_normal(values: Values, normal: NormalDist) -> float:
    """Return the Kolmogorov-Smirnov distance of values (N,) from a normal distribution."""
    ordered = np.sort(values)
    wanted = np.array([normal.cdf(value) for value in ordered])
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(np.maximum(np.abs(wanted - steps[1:]), np.abs(wanted - steps[:-1])).max())


def _correlation(first: Values, second: Values) -> float:
    """Return the absolute correlation; 0 where a side is constant."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    return float(np.abs((a * b).mean()) / np.sqrt((a**2).mean() * (b**2).mean()))
