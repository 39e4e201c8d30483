"""Maximum mean discrepancy under a Gaussian kernel, as CMMD is defined over CLIP's embeddings."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ganzoo.api import Evaluated, PositiveFloat
from ganzoo.nn import RowsOnDisk, blocks_of_rows
from ganzoo_zoo.metrics.neighbours import squared_distances

SCALE = 1000
"""Of the published values."""


class CMMD:
    """Squared maximum mean discrepancy under a Gaussian kernel, times 1,000.

    Features are scaled to length 1, and the kernel is exp(-|x - y|^2 / (2 sigma^2)). The means are
    over all pairs, each sample with itself included, so the value is never negative and two sets of
    n samples of one distribution score about 2,000 (1 - E k) / n rather than 0. Lower is better. It
    needs no Gaussian features. It is CMMD only with the extractor `clip` and the weights
    ``openai/clip-vit-large-patch14-336``.

    Returns ``cmmd``.

    Source: Jayasumana et al. 2024, arXiv:2401.09603; sigma = 10 and the factor are theirs.

    Args:
        sigma: width of the kernel, in lengths of a feature vector.
    """

    def __init__(self, *, sigma: PositiveFloat = 10.0) -> None:
        self.sigma = sigma

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        x, y = (of_length_1(side.features) for side in (real, fake))
        value = self.mean(x, x) + self.mean(y, y) - 2 * self.mean(x, y)
        return {"cmmd": SCALE * max(0.0, value)}

    def mean(self, a: Tensor, b: Tensor) -> float:
        """Return the mean of the kernel over all pairs of rows of a (N, D) and b (M, D)."""
        sums = [block.div_(-2 * self.sigma**2).exp_().sum() for _, block in squared_distances(a, b)]
        return float(torch.stack(sums).sum() / (len(a) * len(b)))


def of_length_1(features: Tensor) -> Tensor:
    """Return features (N, D) scaled to length 1, memory-mapped."""
    rows = RowsOnDisk(tuple(features.shape[1:]), torch.float32)
    for block in blocks_of_rows(features):
        rows.add(normalize(block.double(), dim=1))
    return rows.tensor()
