"""What a perfect generator would score: the Fréchet distance is never 0 for finitely many samples.

Assumed: Gaussian features; a generator whose samples follow the law that the reference was drawn
from and are independent of it; eigenvalues of the reference's covariance that are those of the
law. The last fails for a reference of few samples per feature, and the floor then reads too low.
Features with heavier tails than a Gaussian's have a somewhat higher floor.
"""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ganzoo.moments import Moments

_NEGLIGIBLE = 1e-10
"""Of the largest eigenvalue: smaller ones add nothing to a distance that is read to six digits."""

_NODES = 400
"""Of the quadrature; twice as many change the ninth digit of the floor."""

_FAR = 25.0
"""In log w: the integrand has fallen by 16 orders of magnitude before its first rise."""


def expected_floor(reference: Moments, n: int) -> float:
    """Return the expected Fréchet distance of n >= 2 samples of a perfect generator.

    With eigenvalues l of the covariance and M samples of the reference it is

        (1/n + 1/M) sum_i l_i  +  2 (sum_i l_i - E tr (A B)^(1/2)),

    where A and B are independent sample covariances of one law. For many samples that is
    (1/n + 1/M) (sum_i l_i + 1/2 sum_ij l_i l_j / (l_i + l_j) + 1/4 sum_i l_i), the second-order
    perturbation of the distance; `lost_root` holds for few samples too, n < D included.
    """
    values = torch.linalg.eigvalsh(reference.covariance).cpu()
    values = values[values > _NEGLIGIBLE * values[-1]]
    if not len(values):
        return 0.0
    total = float(values.sum())
    freedom = n - 1, reference.n - 1
    shape = 2 * lost_root(values, *freedom) + total / 4 * sum(1 / part for part in freedom)
    return (1 / n + 1 / reference.n) * total + shape


def lost_root(values: Tensor, n: int, m: int) -> float:
    """Return sum_i l_i - E tr (A B)^(1/2), for sample covariances of n and m degrees of freedom.

    By the law of Marchenko and Pastur, so for many features: with t = l^2 and
    d(w) = sum_i t_i w / (1 + t_i w), which grows from 0 to the number of features,

        E tr (A B)^(1/2) = 2/pi  integral of ((1 - d/n) (1 - d/m) / w)^(1/2) d'(w) dw

    over the w > 0 with d(w) < min(n, m). It follows from x^(1/2) = 1/pi * integral over s > 0 of
    x / (x + s) s^(-1/2), where a sample covariance X with n degrees of freedom has
    tr X / (X + s) = d(w) at s = (1 - d(w)/n) / w (Silverstein 1995, doi 10.1006/jmva.1995.1083);
    used once for each side, and integrated by parts. Without the two factors the integral is
    sum_i l_i, so the difference is integrated, up to `end`; from there on it is known.

    Args:
        values: float64 (R,), the positive eigenvalues l of the common covariance, rising.
    """
    squares = values.square()
    end = _end(squares, min(n, m))
    nodes, weights = (torch.from_numpy(part) for part in _quadrature())
    # y^2 is the distance to the end in log w: the root of (1 - d/n) there is smooth in y.
    reach = (end + squares[-1].log() + _FAR).sqrt()
    y = reach * (nodes + 1) / 2
    w = torch.exp(end - y.square())
    lost = 1 - _left(squares, w, n, m)
    slope = (squares / (1 + squares * w[:, None]).square()).sum(1)
    integral = (lost * w.sqrt() * slope * 2 * y * weights).sum() * reach / 2
    u = (squares * end.exp()).sqrt()
    rest = (values * (math.pi / 2 - torch.arctan(u) - u / (1 + u.square()))).sum()
    return float(2 / math.pi * (integral + (1 - _left(squares, end.exp()[None], n, m)[0]) * rest))


def _rank(squares: Tensor, w: Tensor) -> Tensor:
    """Return d(w), float64 like w (K,)."""
    return (squares * w[:, None] / (1 + squares * w[:, None])).sum(1)


def _left(squares: Tensor, w: Tensor, n: int, m: int) -> Tensor:
    """Return ((1 - d/n) (1 - d/m))^(1/2) at w (K,)."""
    d = _rank(squares, w)
    return ((1 - d / n).clamp(min=0) * (1 - d / m).clamp(min=0)).sqrt()


def _end(squares: Tensor, least: int) -> Tensor:
    """Return log w where d(w) reaches `least`; where it never does, so far that d is constant."""
    low, high = -squares[-1].log() - _FAR, -squares[0].log() + _FAR
    if least >= len(squares):
        return high
    for _ in range(60):
        middle = (low + high) / 2
        below = _rank(squares, middle.exp()[None])[0] < least
        low, high = (middle, high) if below else (low, middle)
    return low


@cache
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss and Legendre's nodes and weights on [-1, 1]."""
    return np.polynomial.legendre.leggauss(_NODES)
