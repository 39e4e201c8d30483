"""Fidelity and variety apart: precision and recall, density and coverage, by nearest neighbours."""

from collections.abc import Mapping
from functools import partial

import torch

from ganzoo.api import DataError, Evaluated, PositiveInt
from ganzoo_zoo.metrics.neighbours import squared_distances, squared_radii
from ganzoo_zoo.metrics.subsets import Remembered


class PrecisionRecall:
    """How many generated samples look real, and how many real samples are covered.

    The support of a set is estimated by a ball around each sample that reaches to its k-th nearest
    neighbour. Precision is the fraction of generated samples inside the support of the real ones,
    recall the fraction of real samples inside the support of the generated ones. Both are in
    [0, 1], higher is better, and two sets from the same distribution score below 1.

    Returns ``precision`` and ``recall``.

    Args:
        k: each ball reaches to this neighbour; the paper has 3.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1-2.

    Raises:
        DataError: one side has no more than k samples.
    """

    def __init__(self, *, k: PositiveInt = 3) -> None:
        self.k = k
        self._real_radii = Remembered(partial(squared_radii, k=k))

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        require_more_than(self.k, "precision-recall", real, fake)
        x, y = real.features, fake.features
        real_radii, fake_radii = self._real_radii(x), squared_radii(y, self.k)
        covered, inside = (torch.zeros(len(each), dtype=torch.bool) for each in (x, y))
        for rows, block in squared_distances(y, x):
            inside[rows] = (block <= real_radii).any(dim=1)
            covered |= (block <= fake_radii[rows, None]).any(dim=0)
        return {
            "precision": inside.double().mean().item(),
            "recall": covered.double().mean().item(),
        }


class DensityCoverage:
    """Precision and recall that are robust to outliers.

    Balls are drawn around real samples only. Density is the mean number of balls around a generated
    sample, over k; the same distribution gives 1 on average, and samples that crowd around typical
    ones give more. Coverage is the fraction of balls that contain a generated sample, in [0, 1]; m
    real and n generated samples from the same distribution give
    1 - (m-1)...(m-k) / ((m+n-1)...(m+n-k)) on average. Higher is better for both.

    Returns ``density`` and ``coverage``.

    Args:
        k: each ball reaches to this neighbour; the paper has 5.

    Source: Naeem et al. 2020, arXiv:2002.09797, eq. 3-4 and lemma 2.

    Raises:
        DataError: one side has no more than k samples.
    """

    def __init__(self, *, k: PositiveInt = 5) -> None:
        self.k = k
        self._real_radii = Remembered(partial(squared_radii, k=k))

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        require_more_than(self.k, "density-coverage", real, fake)
        x, y = real.features, fake.features
        radii = self._real_radii(x)
        inside, covered = 0, torch.zeros(len(x), dtype=torch.bool)
        for _, block in squared_distances(y, x):
            within = block <= radii
            inside += int(within.sum())
            covered |= within.any(dim=0)
        return {
            "density": inside / (self.k * len(y)),
            "coverage": covered.double().mean().item(),
        }


def require_more_than(k: int, name: str, *sides: Evaluated) -> None:
    """Raise DataError if a side has no more than k samples."""
    if (least := min(len(side.features) for side in sides)) <= k:
        raise DataError(
            f"the metric {name!r} needs {k} neighbours, and one side has only {least} samples",
            hint=f"score more samples, or remove {name} from eval.metrics",
        )
