"""How sure a Fréchet distance is: its standard error, and its bias, from the features themselves.

The reference is taken as given in both. Nothing is drawn with replacement: a bootstrap repeats
samples, which the distance reads as less variety, and so doubles the bias that it should measure.

With torch.distributed every rank holds its own rows, and every rank gets the same numbers.
"""

from collections.abc import Iterator

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
from ganzoo.scoring import ranks

BLOCKS = 10
"""Of the jackknife: each costs one matrix step."""

ENOUGH = 2
"""Samples per feature from which on the bias falls with 1/n closely enough to be taken off."""


def standard_error(reference: Moments, fake: Moments, rows: Tensor) -> float:
    """Return the standard error of a Fréchet distance, by its influence function.

    That is the standard deviation over the samples x, divided by n^(1/2), of

        f(x) = 2 (m - m_r) . (x - m) + (x - m)' (I - T) (x - m),   T = F C^(-1/2) F',

    where m, S and m_r, S_r are the moments of both sides, F F' = S_r and C = F' S F. T is the map
    that carries S to S_r. With few samples per feature the result is up to 1.5 times too high.

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
    total, squares = ranks.total(total), ranks.total(squares)
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
    """Yield the same in one block, of fewer samples than features.

    With X'X = S, X F F' X' = U L U' is of one row a sample, and X T X' = U L^(1/2) U'.
    """
    own = rows.to(fake.mean.device).double()
    x = scaled_rows(ranks.all_rows(own))
    values, vectors = _positive(products_of_rows(carried_rows(x, reference.factor)))
    moved = (fake.n - 1) * (vectors.square() @ values.sqrt())
    first = sum(ranks.counts_of_all(len(own), own.device)[: ranks.world()[0]])
    yield own - fake.mean, moved[first : first + len(own)]


def _positive(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues above round-off (R,), rising, and their vectors (N, R).

    Of the matrix only the lower triangle is read.
    """
    values, vectors = torch.linalg.eigh(symmetric)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1:]
    return values[kept], vectors[:, kept]


def debiased(reference: Moments, fake: Moments, rows: Tensor, places: Tensor) -> float | None:
    """Return what infinitely many samples would score against the same reference, about.

    The block jackknife (Quenouille 1956): without the k-th of K blocks the distance is D_k, and
    K D - (K - 1) mean_k D_k has lost the part of the bias that falls with 1/n. It can be below 0
    by chance; what it leaves of the bias is that of the reference, which is finite too.

    Args:
        rows: as of `standard_error`.
        places: (N,) int64: where each of them stands among the samples of all ranks.

    Returns:
        None with fewer than `ENOUGH` samples per feature: too much of the bias is then in higher
        powers of 1/n.
    """
    if fake.n < ENOUGH * len(fake.mean) or fake.n < 2 * BLOCKS:
        return None

    def against_reference(moments: Moments) -> float:
        return float(distance(reference, moments, trace_of_root(reference, moments)))

    without = [against_reference(rest) for rest in _leaving_out(fake, rows, places % BLOCKS)]
    whole = against_reference(fake)
    return BLOCKS * whole - (BLOCKS - 1) * sum(without) / BLOCKS


def _leaving_out(fake: Moments, rows: Tensor, block_of: Tensor) -> Iterator[Moments]:
    """Yield the moments of the samples without each block in turn."""
    total = fake.n * fake.mean
    outer = (fake.n - 1) * fake.covariance + fake.n * torch.outer(fake.mean, fake.mean)
    for number in range(BLOCKS):
        left_out, products, count = torch.zeros_like(total), torch.zeros_like(outer), 0
        for part in torch.split((block_of == number).nonzero()[:, 0], BLOCK):
            x = rows[part].to(total.device).double()
            left_out += x.sum(0)
            products.addmm_(x.T, x)
            count += len(x)
        n = fake.n - int(ranks.total(torch.tensor(count, device=total.device)))
        yield Moments.of_sums(total - ranks.total(left_out), outer - ranks.total(products), n)


def places_of(keys: Tensor, device: torch.device) -> Tensor:
    """Return where each of this rank's rows stands in the order of all ranks' keys, int64 (N,).

    With keys that depend on the content of a sample alone, neither the order of the samples nor
    the number of ranks decides which block of the jackknife a sample falls into.

    Args:
        keys: int64 (N,).
    """
    everywhere = ranks.all_rows(keys.to(device)).cpu()
    places = torch.empty_like(everywhere)
    places[everywhere.argsort(stable=True)] = torch.arange(len(everywhere))
    first = sum(ranks.counts_of_all(len(keys), device)[: ranks.world()[0]])
    return places[first : first + len(keys)]
