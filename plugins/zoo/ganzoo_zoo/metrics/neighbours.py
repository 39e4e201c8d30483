"""Distances between all samples of two sets, in blocks of limited memory."""

from collections.abc import Iterator

import torch
from torch import Tensor

COLUMNS = 1024
"""Samples of the second set that are converted to float64 at once."""

NUMBERS = 2**22
"""Distances in memory at once: 32 MB."""

EQUAL = 1e-10
"""Squared distances below this times the squared lengths are round-off and count as 0."""

TIED = 1e-6
"""Distances that differ by less than this times the length of the features are equal.

Features are float32, and their last digits depend on the batch that a sample was in. Without this,
a copy of a sample would be inside a ball that ends at the sample by chance.
"""


def squared_distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield (rows, |a_i - b_j|^2 for i in rows, float64 (R, M)) for blocks of rows of a.

    Samples whose features differ only by rounding have distance 0 exactly.

    Args:
        a, b: features (N, D) and (M, D), memory-mapped if they are large.
    """
    centre = b.mean(dim=0).double()  # distances do not depend on the origin, their rounding does
    size = max(1, NUMBERS // len(b))
    for first in range(0, len(a), size):
        rows = slice(first, min(first + size, len(a)))
        left = a[rows].double() - centre
        yield rows, torch.cat([_squares(left, part, centre) for part in torch.split(b, COLUMNS)], 1)


def _squares(left: Tensor, columns: Tensor, centre: Tensor) -> Tensor:
    right = columns.double() - centre
    lengths = left.square().sum(dim=1)[:, None] + right.square().sum(dim=1)
    squares = lengths - 2 * left @ right.T
    return torch.where(squares > EQUAL * lengths, squares, 0)


def nearest(a: Tensor, b: Tensor) -> Tensor:
    """Return the distance from each row of a to the nearest row of b, float64 (N,)."""
    return torch.cat([block.amin(dim=1) for _, block in squared_distances(a, b)]).sqrt()


def squared_radii(features: Tensor, k: int) -> Tensor:
    """Return the squared distance from each row to its k-th nearest other row, float64 (N,).

    It is enlarged by `TIED`, so that all samples at just this distance are inside the ball,
    whatever their order.
    """
    # The first of the k + 1 nearest is the row itself.
    blocks = squared_distances(features, features)
    radii = torch.cat([block.kthvalue(k + 1, dim=1).values for _, block in blocks]).sqrt()
    return (radii + TIED * features.norm(dim=1)).square()
