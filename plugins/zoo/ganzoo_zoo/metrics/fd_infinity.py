"""The Fréchet distance for infinitely many generated samples, by extrapolation."""

from collections.abc import Mapping

import torch

from ganzoo.api import DataError, Evaluated, Fraction, NonNegativeInt, PositiveInt
from ganzoo.nn import Moments, frechet_distance
from ganzoo_zoo.metrics.subsets import order_of


class FDInfinity:
    """The Fréchet distance extrapolated to infinitely many generated samples.

    FD over n samples grows nearly linearly in 1/n. It is computed for subsets of several sizes,
    spaced evenly from the smallest to all samples, and a line through them against 1/n is read at
    0. Lower is better. It can be negative by chance, and the bias of the reference remains. It
    compares generators of which different numbers of samples are there, and costs one distance a
    size. The Fréchet distance's own ``debiased`` value extrapolates by a jackknife instead.

    Returns ``fd_infinity``; over Inception's pool3 features that is FID-infinity, except for the
    random numbers of the samples: the authors draw them as a Sobol sequence.

    Source: Chong and Forsyth 2020, arXiv:1911.07023; 15 sizes from a tenth of the
    samples on are theirs (5,000 to 50,000).

    Args:
        sizes: number of subsets.
        smallest: their smallest size, as a fraction of the samples.
        seed: of the subsets.

    Raises:
        DataError: the smallest subset has fewer than two samples per feature, where the distance is
            not linear in 1/n.
    """

    def __init__(
        self, *, sizes: PositiveInt = 15, smallest: Fraction = 0.1, seed: NonNegativeInt = 0
    ) -> None:
        if sizes < 2:
            raise ValueError("sizes: a line needs two points")
        if not 0 < smallest < 1:
            raise ValueError("smallest: expected a fraction between 0 and 1")
        self.sizes, self.smallest, self.seed = sizes, smallest, seed

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        count, width = fake.features.shape
        if int(self.smallest * count) < 2 * width:
            raise DataError(
                f"the metric 'fd-infinity' needs {int(2 * width / self.smallest)} samples, two for "
                f"each of {width} features in its smallest subset, and there are {count}",
                hint="score more samples, or remove fd-infinity from eval.metrics",
            )
        reference = Moments.of(real.features)
        sizes = torch.linspace(self.smallest * count, count, self.sizes).long()
        values = []
        for index, size in enumerate(sizes.tolist()):
            rows = order_of(fake, self.seed + index)[:size]
            values.append(frechet_distance(reference, Moments.of(fake.features, rows)))
        return {"fd_infinity": intercept(1 / sizes.double(), torch.tensor(values).double())}


def intercept(x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the value at 0 of the line of least squares through points (x, y), float64 (N,)."""
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    return float(y.mean() - slope * x.mean())
