"""Statistics of a Fréchet distance: standard error, debiased value, expected score of real samples.

The standard error and the debiased value treat the reference as fixed. Neither is a bootstrap:
resampling repeats samples, which the distance reads as less variety, and so doubles the bias.

The distance of new real samples is never 0 for finitely many of them. Its expected value assumes
Gaussian features, samples that are independent of the reference and of its distribution, and that
the eigenvalues of the reference's covariance are the distribution's own. The last fails for a
reference of few samples per feature, and the expected score is then too low. Features with heavier
tails than a Gaussian's score somewhat higher, and samples that depend on the reference lower: it is
no lower bound.

With torch.distributed every rank holds its own rows, and every rank gets the same numbers.
"""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ganzoo.moments import (
    BLOCK,
    Moments,
    carried_rows,
    congruent,
    distance,
    products_of_rows,
    scaled_rows,
    trace_of_root,
)
from ganzoo.scoring import collectives

BLOCKS = 10
"""Number of blocks of the jackknife; each costs one distance."""

ENOUGH = 2
"""Samples per feature from which the bias is close enough to 1/n to be removed."""

_NEGLIGIBLE = 1e-10
"""Relative to the largest eigenvalue: smaller ones change no digit of six in the result."""

_NODES = 400
"""Nodes of the quadrature; twice as many change the ninth digit of the result."""

_FAR = 25.0
"""In units of log w: this far out the integrand is 16 orders of magnitude below its peak."""


def standard_error(reference: Moments, fake: Moments, rows: Tensor) -> float:
    """Return the standard error of a Fréchet distance, by its influence function.

    That is the standard deviation over the samples x, divided by n^(1/2), of

        f(x) = 2 (m - m_r) . (x - m) + (x - m)' (I - T) (x - m),   T = F C^(-1/2) F',

    where m, S and m_r, S_r are the moments of both sides, F F' = S_r and C = F' S F. T is the map
    that transports S to S_r. With few samples per feature the result is up to 1.5 times too high.

    Args:
        reference, fake: on one device.
        rows: (N, D), this rank's features of the generated samples, on any device.
    """
    carried = _carried_few if fake.n < len(fake.mean) else _carried
    total, squares = (torch.zeros_like(fake.mean[0]) for _ in "12")
    for x, moved in carried(reference, fake, rows):
        f = 2 * x @ (fake.mean - reference.mean) + x.square().sum(1) - moved
        total += f.sum()
        squares += f.square().sum()
    total, squares = collectives.sum_over_ranks(total), collectives.sum_over_ranks(squares)
    variance = (squares - total.square() / fake.n) / (fake.n - 1)
    return float((variance.clamp(min=0) / fake.n).sqrt())


def _carried(reference: Moments, fake: Moments, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield x - m (B, D) and (x - m)' T (x - m) (B,) of this rank's samples x, block by block."""
    root = reference.factor
    values, vectors = _positive(congruent(root, fake.covariance))
    by = (root @ vectors) / values.pow(0.25)
    for block in torch.split(rows, BLOCK):
        x = block.to(root.device).double() - fake.mean
        yield x, (x @ by).square().sum(1)


def _carried_few(
    reference: Moments, fake: Moments, rows: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the same in one block, for fewer samples than features.

    With X'X = S, X F F' X' = U L U' has one row per sample, and X T X' = U L^(1/2) U'.
    """
    own = rows.to(fake.mean.device).double()
    x = scaled_rows(collectives.gather_rows(own))
    values, vectors = _positive(products_of_rows(carried_rows(x, reference.factor)))
    moved = (fake.n - 1) * (vectors.square() @ values.sqrt())
    first = sum(collectives.gather_counts(len(own), own.device)[: collectives.rank_and_size()[0]])
    yield own - fake.mean, moved[first : first + len(own)]


def _positive(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues above round-off (R,), ascending, and their eigenvectors (N, R).

    Only the lower triangle of the matrix is read.
    """
    values, vectors = torch.linalg.eigh(symmetric)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1:]
    return values[kept], vectors[:, kept]


def debiased(reference: Moments, fake: Moments, rows: Tensor, places: Tensor) -> float | None:
    """Return an estimate of the distance for infinitely many samples and the same reference.

    The block jackknife (Quenouille 1956): with D_k the distance without the k-th of K blocks,
    K D - (K - 1) mean_k D_k is free of the bias of order 1/n. It can be negative by chance. The
    bias of the reference, which is finite too, remains.

    Args:
        rows: as in `standard_error`.
        places: (N,) int64: position of each row among the samples of all ranks.

    Returns:
        None with fewer than `ENOUGH` samples per feature: too much of the bias is then of higher
        order in 1/n.
    """
    if fake.n < ENOUGH * len(fake.mean) or fake.n < 2 * BLOCKS:
        return None

    def against_reference(moments: Moments) -> float:
        return float(distance(reference, moments, trace_of_root(reference, moments)))

    without = [against_reference(rest) for rest in _leaving_out(fake, rows, places % BLOCKS)]
    whole = against_reference(fake)
    return BLOCKS * whole - (BLOCKS - 1) * sum(without) / BLOCKS


def _leaving_out(fake: Moments, rows: Tensor, block_of: Tensor) -> Iterator[Moments]:
    """Yield the moments of the samples, leaving out one block at a time."""
    mean, scatter = fake.mean, (fake.n - 1) * fake.covariance
    for number in range(BLOCKS):
        left_out, products, count = torch.zeros_like(mean), torch.zeros_like(scatter), 0
        for part in torch.split((block_of == number).nonzero()[:, 0], BLOCK):
            x = rows[part].to(mean.device).double() - mean
            left_out += x.sum(0)
            products.addmm_(x.T, x)
            count += len(x)
        n = fake.n - int(collectives.sum_over_ranks(torch.tensor(count, device=mean.device)))
        # The mean of the others, relative to that of all, about which deviations sum to 0.
        moved = -collectives.sum_over_ranks(left_out) / n
        about_all = scatter - collectives.sum_over_ranks(products)
        yield Moments.of_sums(n * (mean + moved), torch.addr(about_all, -n * moved, moved), n)


def places_of(keys: Tensor, device: torch.device) -> Tensor:
    """Return the position of each of this rank's rows in the order of all ranks' keys, int64 (N,).

    Keys depend only on a sample's content, so the blocks of the jackknife depend neither on the
    order of the samples nor on the number of ranks.

    Args:
        keys: int64 (N,).
    """
    everywhere = collectives.gather_rows(keys.to(device)).cpu()
    places = torch.empty_like(everywhere)
    places[everywhere.argsort(stable=True)] = torch.arange(len(everywhere))
    first = sum(collectives.gather_counts(len(keys), device)[: collectives.rank_and_size()[0]])
    return places[first : first + len(keys)]


def expected_score_of_real(reference: Moments, n: int) -> float:
    """Return the expected Fréchet distance of n >= 2 new real samples with Gaussian features.

    With eigenvalues l of the covariance and M samples of the reference it is

        (1/n + 1/M) sum_i l_i  +  2 (sum_i l_i - E tr (A B)^(1/2)),

    where A and B are independent sample covariances of one distribution. For many samples that is
    (1/n + 1/M) (sum_i l_i + 1/2 sum_ij l_i l_j / (l_i + l_j) + 1/4 sum_i l_i), the second-order
    perturbation of the distance; `lost_root` holds for few samples too, also for n < D.
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

    By the Marchenko-Pastur law, so for many features: with t = l^2 and
    d(w) = sum_i t_i w / (1 + t_i w), which grows from 0 to the number of features,

        E tr (A B)^(1/2) = 2/pi  integral of ((1 - d/n) (1 - d/m) / w)^(1/2) d'(w) dw

    over the w > 0 with d(w) < min(n, m). It follows from x^(1/2) = 1/pi * integral over s > 0 of
    x / (x + s) s^(-1/2), where a sample covariance X with n degrees of freedom has
    tr X / (X + s) = d(w) at s = (1 - d(w)/n) / w (Silverstein 1995, doi 10.1006/jmva.1995.1083);
    used once for each side, and integrated by parts. Without the two factors the integral is
    sum_i l_i, so the difference is integrated, up to `end`; the rest is known in closed form.

    Args:
        values: float64 (R,), the positive eigenvalues l of the common covariance, ascending.
    """
    squares = values.square()
    end = _end(squares, min(n, m))
    nodes, weights = (torch.from_numpy(part) for part in _quadrature())
    # y^2 is the distance to the end in log w, which makes the root of (1 - d/n) smooth in y there.
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
    """Return log w where d(w) reaches `least`; if it never does, a point where d is constant."""
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
    """Return the Gauss-Legendre nodes and weights on [-1, 1]."""
    return np.polynomial.legendre.leggauss(_NODES)
