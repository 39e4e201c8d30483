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

    Samples whose features differ only by rounding have distance 0 exactly. Each block is written
    over the one before: a new one would fragment the memory wherever a small tensor is kept.

    Args:
        a, b: features (N, D) and (M, D), memory-mapped if they are large.
    """
    centre = b.mean(dim=0).double()  # distances do not depend on the origin, their rounding does
    size = max(1, NUMBERS // len(b))
    blocks = torch.empty(min(size, len(a)), len(b), dtype=torch.float64)
    for first in range(0, len(a), size):
        rows = slice(first, min(first + size, len(a)))
        left, block = a[rows].double() - centre, blocks[: rows.stop - first]
        for part, columns in zip(b.split(COLUMNS), block.split(COLUMNS, dim=1), strict=True):
            columns.copy_(_squares(left, part, centre))
        yield rows, block


def _squares(left: Tensor, columns: Tensor, centre: Tensor) -> Tensor:
    right = columns.double() - centre
    lengths = left.square().sum(dim=1)[:, None] + right.square().sum(dim=1)
    squares = lengths - 2 * left @ right.T
    return torch.where(squares > EQUAL * lengths, squares, 0)


def nearest(a: Tensor, b: Tensor) -> Tensor:
    """Return the distance from each row of a to the nearest row of b, float64 (N,)."""
    found = torch.empty(len(a), dtype=torch.float64)
    for rows, block in squared_distances(a, b):
        found[rows] = block.amin(dim=1)
    return found.sqrt()


def squared_radii(features: Tensor, k: int) -> Tensor:
    """Return the squared distance from each row to its k-th nearest other row, float64 (N,).

    It is enlarged by `TIED`, so that all samples at just this distance are inside the ball,
    whatever their order.
    """
    found = torch.empty(len(features), dtype=torch.float64)
    for rows, block in squared_distances(features, features):
        # The first of the k + 1 nearest is the row itself.
        found[rows] = block.kthvalue(k + 1, dim=1).values
    return (found.sqrt() + TIED * features.norm(dim=1)).square()
