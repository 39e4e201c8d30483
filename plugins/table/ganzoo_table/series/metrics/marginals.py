"""How alike the values of single channels are, whatever their order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganzoo.api import Evaluated
from ganzoo_table.series.metrics.sides import compared
from ganzoo_table.series.windows import Values


class Marginals:
    """The Kolmogorov-Smirnov statistic of values, a mean over channels. 0 is equal.

    `marginal_ks` takes the values of all steps together, `marginal_ks_steps` those of each step by
    themselves, which also sees how windows begin and end; it is larger by chance, as it has fewer
    values.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        return compared("marginals", real, fake, _statistics, baseline=False)


def _statistics(ours: Values, theirs: Values) -> dict[str, float]:
    channels, steps = range(ours.shape[1]), range(ours.shape[2])
    whole = [kolmogorov_smirnov(ours[:, c].ravel(), theirs[:, c].ravel()) for c in channels]
    single = [kolmogorov_smirnov(ours[:, c, t], theirs[:, c, t]) for c in channels for t in steps]
    return {"marginal_ks": float(np.mean(whole)), "marginal_ks_steps": float(np.mean(single))}


def kolmogorov_smirnov(first: Values, second: Values) -> float:
    """Return the largest difference of two empirical distribution functions."""
    first, second = np.sort(first), np.sort(second)
    both = np.concatenate([first, second])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())
