"""Means and covariances of features, and the Fréchet distance between two of them; all float64.

Everything here is plain linear algebra on one process, with no scipy: the root of a product is
taken through symmetric matrices, so no imaginary parts can arise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganzoo.errors import DataError

REVISION = 1
"""Bumped whenever the same features would get another value."""

BLOCK = 2048
"""Rows that are added at once: large enough for a fast product, small enough for any memory."""

_STRIP = 128
"""Columns of a triangular matrix that are multiplied at once."""

_EPSILON = torch.finfo(torch.float64).eps

_RESOLVED = 1e-13
"""Of the largest eigenvalue of A B: a smaller one has lost its digits, and its root more so."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean (D,) and covariance (D, D; divided by n - 1) of n samples' features, in float64."""

    mean: Tensor
    covariance: Tensor
    n: int

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        """Return the moments of features (N, D) of any float type.

        Raises:
            DataError: fewer than two rows.
        """
        width = features.shape[1]
        total = torch.zeros(width, dtype=torch.float64, device=features.device)
        outer = torch.zeros(width, width, dtype=torch.float64, device=features.device)
        for block in torch.split(features, BLOCK):
            block = block.double()
            total += block.sum(0)
            outer.addmm_(block.T, block)
        return cls.of_sums(total, outer, len(features))

    @classmethod
    def of_sums(cls, total: Tensor, outer: Tensor, n: int) -> "Moments":
        """Return the moments of n samples from their sum (D,) and sum of outer products (D, D).

        Raises:
            DataError: fewer than two samples.
        """
        if n < 2:
            raise DataError(f"a covariance needs at least 2 samples, not {n}")
        mean = total / n
        return cls(mean, (outer - n * torch.outer(mean, mean)) / (n - 1), n)

    @cached_property
    def factor(self) -> Tensor:
        """F (D, R) with F F^T = the covariance and R its rank; lower triangular where R = D.

        A direction counts as empty below the round-off of the second moments that the covariance
        was subtracted from. Sums of n equal numbers are the worst: off by up to n epsilons.
        """
        floor = self._noise()
        cholesky, failed = torch.linalg.cholesky_ex(self.covariance)
        if not failed and cholesky.diagonal().min().square() > floor:
            return cholesky
        values, vectors = torch.linalg.eigh(self.covariance)
        kept = values > floor
        f = vectors[:, kept] * values[kept].sqrt()
        return torch.linalg.qr(f.T, mode="r").R.T if bool(kept.all()) else f

    def to(self, device: torch.device) -> "Moments":
        """Return the same moments on `device`: these themselves, if they are there."""
        mean = self.mean.to(device)
        return self if mean is self.mean else Moments(mean, self.covariance.to(device), self.n)

    def _noise(self) -> Tensor:
        """Return how large an eigenvalue of the covariance can be by round-off alone."""
        second = self.covariance.diagonal() + self.mean.square()
        return 4 * (self.n + len(second)) * _EPSILON * second.max()


def frechet_distance(a: Moments, b: Moments) -> float:
    """Return |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), in squared feature units.

    Raises:
        DataError: the moments have different numbers of features, or are not finite.
    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6.
    """
    if a.mean.shape != b.mean.shape:
        raise DataError(f"{len(a.mean)} features cannot be compared with {len(b.mean)}")
    if not all(bool(t.isfinite().all()) for m in (a, b) for t in (m.mean, m.covariance)):
        raise DataError("the mean or the covariance of the features is not finite")
    return float(distance(a, b, trace_of_root(a, b)))


def distance(a: Moments, b: Moments, root: Tensor) -> Tensor:
    """Return the Fréchet distance, given tr (A B)^(1/2); round-off below zero reads zero."""
    spread = a.covariance.trace() + b.covariance.trace() - 2 * root
    return ((a.mean - b.mean).square().sum() + spread).clamp(min=0)


def trace_of_root(a: Moments, b: Moments) -> Tensor:
    """Return tr (A B)^(1/2): the roots of the eigenvalues of F^T B F, summed, where F F^T = A.

    Where B is singular, or the smallest eigenvalue is lost in round-off, the singular values of
    F^T G with G G^T = B are those roots, and nothing is squared. The smallest eigenvalue is at most
    |F|^2 times that of B: where it is well above the noise, B is regular.
    """
    f = a.factor
    values = torch.linalg.eigvalsh(congruent(f, b.covariance))
    if _resolved(values) and (
        values[0] > b._noise() * torch.linalg.vector_norm(f) ** 2 or _has_full_rank(b.factor)
    ):
        return values.sqrt().sum()
    return torch.linalg.svdvals(f.T @ b.factor).sum()


def trace_of_root_of_rows(a: Moments, rows: Tensor) -> Tensor:
    """Return tr (A B)^(1/2), where B is the covariance of rows (N, D) with N < D.

    With X the centred rows over (N - 1)^(1/2) and F F^T = A, A B and the N x N matrix
    (X F) (X F)^T have the same eigenvalues but for zeros. One of them is zero because the rows are
    centred. Where another is lost in round-off, nothing is squared, as in `trace_of_root`.
    arXiv:2009.14075.
    """
    carried = carried_rows(scaled_rows(rows), a.factor)
    values = torch.linalg.eigvalsh(products_of_rows(carried))[1:]
    if _resolved(values):
        return values.sqrt().sum()
    return torch.linalg.svdvals(carried).sum()


def scaled_rows(rows: Tensor) -> Tensor:
    """Return X (N, D) of rows (N, D), such that X^T X is their covariance."""
    return (rows - rows.mean(0)) / (len(rows) - 1) ** 0.5


# Products of which only one triangle is needed, or one factor is a triangle: by strips they leave
# out what is zero or known, which is half to three quarters of the operations.


def _strips(size: int, wide: int = 1) -> Iterator[tuple[int, slice]]:
    for first in range(0, size, wide * _STRIP):
        yield first, slice(first, first + wide * _STRIP)


def _has_full_rank(f: Tensor) -> bool:
    """Return whether F has a column a row; as `Moments.factor` it is then lower triangular."""
    return len(f) == f.shape[1]


def congruent(f: Tensor, b: Tensor) -> Tensor:
    """Return F^T B F; of a triangular F only the lower triangle, and anything above it."""
    if not _has_full_rank(f):
        return f.T @ b @ f
    product, result = torch.empty_like(b), torch.zeros_like(b)
    for first, strip in _strips(len(f)):
        torch.mm(f[first:, strip].T, b[first:, first:], out=product[strip, first:])
    for first, strip in _strips(len(f)):
        until = first + _STRIP
        torch.mm(f[first:, strip].T, product[:until, first:].T, out=result[strip, :until])
    return result


def carried_rows(x: Tensor, f: Tensor) -> Tensor:
    """Return X F (N, R) of X (N, D) and F (D, R)."""
    if not _has_full_rank(f):
        return x @ f
    product = torch.empty_like(x)
    for first, strip in _strips(len(f), wide=2):
        torch.mm(x[:, first:], f[first:, strip], out=product[:, strip])
    return product


def products_of_rows(x: Tensor) -> Tensor:
    """Return X X^T of X (N, R): only the lower triangle, and anything above it."""
    result = x.new_zeros(len(x), len(x))
    for first, strip in _strips(len(x)):
        until = first + _STRIP
        torch.mm(x[strip], x[:until].T, out=result[strip, :until])
    return result


def _resolved(values: Tensor) -> bool:
    """Return whether the smallest of rising eigenvalues is more than the round-off of the rest."""
    return len(values) > 0 and bool(values[0] > _RESOLVED * values[-1])
