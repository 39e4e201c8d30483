"""Kernel Inception distance: the squared maximum mean discrepancy under a polynomial kernel."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated, NonNegativeInt, PositiveInt
from ganzoo_zoo.metrics.subsets import Remembered, order_of

BLOCK = 1024


class Kid:
    """Kernel distance (unbiased MMD^2) with its standard error.

    The kernel is k(x, y) = (x . y / D + 1)^degree; lower is better, and equal distributions have an
    expected value of 0. It is the U-statistic over all pairs, where other tools average over random
    subsets: there is no noise from the choice of subsets, and it can be slightly negative. The
    standard error is that of the jackknife, leaving out one generated sample at a time.

    Returns ``kid`` and ``kid_standard_error``.

    Args:
        degree: of the polynomial kernel; the paper has 3.

    Source: Bińkowski et al. 2018, arXiv:1801.01401, section 3; Gretton et al. 2012, lemma 6.

    Raises:
        DataError: fewer than three generated or two real samples.
    """

    def __init__(self, *, degree: PositiveInt = 3) -> None:
        self.degree = degree
        self._within_real = Remembered(partial(self.sums, skip_own=True))

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        x, y = real.features, fake.features
        m, n = len(x), len(y)
        if m < 2 or n < 3:
            raise DataError(
                f"the metric 'kid' needs 2 real and 3 generated samples, not {m} and {n}",
                hint="score more samples, or remove kid from eval.metrics",
            )
        within_real = self._within_real(x).sum() / (m * (m - 1))
        within_fake, across = self.sums(y, skip_own=True), self.sums(y, x)
        value = within_real + within_fake.sum() / (n * (n - 1)) - 2 * across.sum() / (n * m)
        without = (within_fake.sum() - 2 * within_fake) / ((n - 1) * (n - 2))
        without -= 2 * (across.sum() - across) / ((n - 1) * m)
        return {
            "kid": value.item(),
            "kid_standard_error": ((n - 1) * without.var(correction=0)).sqrt().item(),
        }

    def sums(self, a: Tensor, b: Tensor | None = None, skip_own: bool = False) -> Tensor:
        """Return sum_j k(a_i, b_j), float64 (N,); b is a by default, and may leave out j = i."""
        b = a if b is None else b
        totals = torch.zeros(len(a), dtype=torch.float64)
        for rows, total in zip(torch.split(a, BLOCK), torch.split(totals, BLOCK), strict=True):
            left = rows.double()
            for columns in torch.split(b, BLOCK):
                total += self.kernel(left @ columns.double().T, a.shape[1]).sum(dim=1)
            if skip_own:
                total -= self.kernel(left.square().sum(dim=1), a.shape[1])
        return totals

    def kernel(self, products: Tensor, width: int) -> Tensor:
        """Return k(x, y) for the inner products x . y."""
        return (products / width + 1) ** self.degree


class KidSubsets:
    """Kernel distance as it is published: the mean over random subsets of both sides.

    In each subset it is the unbiased MMD^2 under the kernel (x . y / D + 1)^3, as `Kid` computes it
    over all samples. Lower is better. Its expected value is that of `kid`, which has less noise;
    use this one to compare with tables, where values are often given times 1,000.

    Returns ``kid_subsets``, the mean, and ``kid_subsets_sd``, the standard deviation over the
    subsets, which is the ± of other tools. It is not an error of the mean: subsets overlap.

    Source: Bińkowski et al. 2018, arXiv:1801.01401; 100 subsets of 1,000 are the
    defaults of torch-fidelity and torchmetrics.

    Args:
        subsets: number of subsets.
        size: samples of each side in a subset.
        seed: of the subsets.

    Raises:
        DataError: one side has fewer samples than a subset.
    """

    def __init__(
        self, *, subsets: PositiveInt = 100, size: PositiveInt = 1000, seed: NonNegativeInt = 0
    ) -> None:
        if size < 3:
            raise ValueError("size: a subset needs 3 samples")
        self.subsets, self.size, self.seed = subsets, size, seed

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        x, y = real.features, fake.features
        if (least := min(len(x), len(y))) < self.size:
            raise DataError(
                f"the metric 'kid-subsets' needs {self.size} samples a side, and one has {least}",
                hint="score more samples, or remove kid-subsets from eval.metrics",
            )
        kid, values = Kid(), torch.zeros(self.subsets, dtype=torch.float64)
        orders = order_of(real), order_of(fake)
        random = torch.Generator().manual_seed(self.seed)
        for number in range(self.subsets):
            chosen = [
                Evaluated(some, some)
                for rows, order in zip((x, y), orders, strict=True)
                for picked in [torch.randperm(len(rows), generator=random)[: self.size]]
                for some in [rows[order[picked]]]
            ]
            values[number] = kid(chosen[0], chosen[1])["kid"]
        spread = values.std(correction=0).item()
        return {"kid_subsets": values.mean().item(), "kid_subsets_sd": spread}
