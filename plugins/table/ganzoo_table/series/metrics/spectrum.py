"""How alike power spectra are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganzoo.api import Evaluated
from ganzoo_table.series.metrics.sides import centred, compared
from ganzoo_table.series.windows import Values

FLOOR = 1e-6
"""Power below this share of the real channel's largest counts as this: -60 dB."""


class Spectrum:
    """Root mean square difference of mean power spectra in decibels, over channels. 0 is equal.

    A spectrum is the mean over windows of the periodogram of (x - mean) under a Hann window. Power
    60 dB below a real channel's largest counts as that: what is left of a smooth series there is
    rounding.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        return compared("spectrum", real, fake, _difference)


def power(windows: Values) -> Values:
    """Return mean periodograms, (C, T // 2 + 1)."""
    taper = np.hanning(windows.shape[2] + 2)[1:-1]
    return (np.abs(np.fft.rfft(centred(windows) * taper)) ** 2).mean(0)


def _difference(ours: Values, theirs: Values) -> dict[str, float]:
    spectra = [power(each) for each in (ours, theirs)]
    least = np.maximum(FLOOR * spectra[0].max(1, keepdims=True), np.finfo(float).tiny)
    first, second = (10 * np.log10(np.maximum(each, least)) for each in spectra)
    return {"spectrum_decibels": float(np.sqrt(np.mean((first - second) ** 2)))}
