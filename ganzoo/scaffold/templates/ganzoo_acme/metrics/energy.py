"""The energy distance between two sets of features."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.api import Evaluated

BLOCK = 1024


class Energy:
    """Energy distance of the features.

    2 E|x - y| - E|x - x'| - E|y - y'|, in units of the features; 0 if and only if the distributions
    are equal. x and x' run over all pairs, including each sample with itself.

    Returns ``energy``.

    Source: Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018; for GANs, Bellemare et al. 2017,
        arXiv:1705.10743.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        x, y = real.features.double(), fake.features.double()
        return {"energy": 2 * distance(x, y) - distance(x, x) - distance(y, y)}


def distance(x: Tensor, y: Tensor) -> float:
    """Return the mean Euclidean distance between the rows of x and of y, block by block."""
    total = 0.0
    for rows in torch.split(x, BLOCK):
        total += torch.cdist(rows, y).sum().item()
    return total / (len(x) * len(y))
