"""Means and covariances of features, and the Fréchet distance between two of them; all float64.

Linear algebra on one process, without scipy: the root of a product is computed from symmetric
matrices, so there are no imaginary parts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganzoo.errors import DataError

REVISION = 2
"""Increase it when the same samples get a different value."""

BLOCK = 2048
"""Rows per matrix product: enough for a fast product, few enough for any memory."""

_STRIP = 128
"""Columns per product of a triangular matrix."""

_EPSILON = torch.finfo(torch.float64).eps

_RESOLVED = 1e-13
"""Relative to the largest eigenvalue of A B: smaller ones are round-off, and so are their roots."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean (D,) and covariance (D, D; divided by n - 1) of n samples' features, in float64."""

    mean: Tensor
    covariance: Tensor
    n: int

    @classmethod
    def of(cls, features: Tensor, rows: Tensor | None = None) -> "Moments":
        """Return the moments of features (N, D) of any float type.

        Args:
            rows: int64, those to take; None: all.

        Raises:
            DataError: fewer than two rows.
        """
        return cls.of_blocks(blocks_of_rows(features, rows))

    @classmethod
    def of_blocks(cls, blocks: Iterable[Tensor]) -> "Moments":
        """Return the moments of features that come in blocks (B, D) of any float type.

        Raises:
            DataError: fewer than two rows.
        """
        total = scatter = torch.zeros(0, dtype=torch.float64)
        n = 0
        for block in blocks:
            if not n:
                total = torch.zeros_like(block[0], dtype=torch.float64)
                scatter = torch.outer(total, total)
            add_rows(total, scatter, n, block.double())
            n += len(block)
        return cls.of_sums(total, scatter, n)

    @classmethod
    def of_sums(cls, total: Tensor, scatter: Tensor, n: int) -> "Moments":
        """Return the moments of n samples from their sum (D,) and scatter (D, D).

        Raises:
            DataError: fewer than two samples.
        """
        if n < 2:
            raise DataError(f"a covariance needs at least 2 samples, not {n}")
        return cls(total / n, scatter / (n - 1), n)

    @cached_property
    def factor(self) -> Tensor:
        """F (D, R) with F F^T = the covariance and R its rank; lower triangular where R = D.

        An eigenvalue counts as zero below the round-off of the covariance.
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
        """Return the same moments on `device`; self if they are there already."""
        mean = self.mean.to(device)
        return self if mean is self.mean else Moments(mean, self.covariance.to(device), self.n)

    def _noise(self) -> Tensor:
        """Return the largest eigenvalue of the covariance that round-off alone can cause.

        A sum of n numbers is wrong by at most n epsilons of it. The error of the mean enters the
        covariance squared.
        """
        errors = (self.n + len(self.mean)) * _EPSILON
        spread = self.covariance.diagonal().max()
        return 4 * errors * spread + (errors * self.mean).square().max()


def add_rows(total: Tensor, scatter: Tensor, n: int, rows: Tensor) -> None:
    """Add rows (B, D) to the sum (D,) and the scatter (D, D) of n others, all float64, in place.

    The scatter is the sum of outer products about the mean. A difference of uncentred sums would
    lose twice as many digits as the mean is larger than the deviation.

    Source: Chan, Golub and LeVeque 1979, STAN-CS-79-773, eq. 2.1, one block at a time.
    """
    if not (size := len(rows)):
        return
    added = rows.sum(0)
    mean = added / size
    centred = rows - mean
    if n:
        # The distance of the two means is one row more of the product.
        between = (mean - total / n) * (n * size / (n + size)) ** 0.5
        centred = torch.cat([centred, between[None]])
    total += added
    scatter.addmm_(centred.T, centred)


def blocks_of_rows(features: Tensor, rows: Tensor | None = None) -> Iterator[Tensor]:
    """Yield these rows of features (N, D), all by default, `BLOCK` at a time."""
    if rows is None:
        yield from torch.split(features, BLOCK)
    else:
        yield from (features[part] for part in torch.split(rows, BLOCK))


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
    """Return tr (A B)^(1/2), the sum of the roots of the eigenvalues of F^T B F with F F^T = A.

    If B is singular, or the smallest eigenvalue is lost in round-off, the roots are computed as the
    singular values of F^T G with G G^T = B, which squares nothing. The smallest eigenvalue is at
    most |F|^2 times that of B, so B is regular if it is well above the noise.
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
    (X F) (X F)^T have the same nonzero eigenvalues. One eigenvalue is zero because the rows are
    centred. If another is lost in round-off, singular values are used, as in `trace_of_root`.

    Source: Mathiasen and Hvilshøj 2020, arXiv:2009.14075.
    """
    carried = carried_rows(scaled_rows(rows), a.factor)
    values = torch.linalg.eigvalsh(products_of_rows(carried))[1:]
    if _resolved(values):
        return values.sqrt().sum()
    return torch.linalg.svdvals(carried).sum()


def scaled_rows(rows: Tensor) -> Tensor:
    """Return X (N, D) of rows (N, D), such that X^T X is their covariance."""
    return (rows - rows.mean(0)) / (len(rows) - 1) ** 0.5


# Products with a triangular factor, or of which only one triangle is needed. Computed in strips,
# they skip entries that are zero or not needed: half to three quarters of the operations.


def _strips(size: int, wide: int = 1) -> Iterator[tuple[int, slice]]:
    for first in range(0, size, wide * _STRIP):
        yield first, slice(first, first + wide * _STRIP)


def _has_full_rank(f: Tensor) -> bool:
    """Return whether F (D, R) has R = D; a `Moments.factor` is then lower triangular."""
    return len(f) == f.shape[1]


def congruent(f: Tensor, b: Tensor) -> Tensor:
    """Return F^T B F (R, R); if F is triangular, only the lower triangle is valid."""
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
    """Return X X^T (N, N) of X (N, R); only the lower triangle is valid."""
    result = x.new_zeros(len(x), len(x))
    for first, strip in _strips(len(x)):
        until = first + _STRIP
        torch.mm(x[strip], x[:until].T, out=result[strip, :until])
    return result


def _resolved(values: Tensor) -> bool:
    """Return whether the smallest of ascending eigenvalues is above round-off of the largest."""
    return len(values) > 0 and bool(values[0] > _RESOLVED * values[-1])
