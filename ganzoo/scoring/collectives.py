"""What the processes of one run exchange as tensors. With one process: nothing.

It is plain torch.distributed: a score needs sums in float64 and rows of different counts, and a
gradient penalty needs collectives that can be differentiated.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ganzoo.errors import GanzooError


def rank_and_size() -> tuple[int, int]:
    """Return (rank, number of processes); (0, 1) where torch.distributed is not initialised."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def own_share(rows: Tensor) -> Tensor:
    """Return this rank's consecutive part of rows (N, ...) that every rank holds."""
    rank, size = rank_and_size()
    return rows.tensor_split(size)[rank]


def own_range(count: int) -> range:
    """Return this rank's consecutive part of `count` rows, as `own_share` does."""
    part = own_share(torch.arange(count))
    return range(int(part[0]), int(part[-1]) + 1) if len(part) else range(0)


def sum_over_ranks(t: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """Return the sum of t over all ranks, as a new tensor."""
    t = t.clone()
    if rank_and_size()[1] > 1:
        dist.all_reduce(t, group=group)
    return t


def true_on_all_ranks(flag: bool, device: torch.device) -> bool:
    """Return whether the flag is set on every rank."""
    return int(sum_over_ranks(torch.tensor(int(flag), device=device))) == rank_and_size()[1]


def gather_counts(count: int, device: torch.device) -> list[int]:
    """Return every rank's count, in order of the ranks."""
    rank, size = rank_and_size()
    counts = torch.zeros(size, dtype=torch.int64, device=device)
    counts[rank] = count
    return [int(number) for number in sum_over_ranks(counts)]


def broadcast(source: int, rows: Tensor) -> Tensor:
    """Return rank `source`'s rows on every rank. The others pass rows of that shape and dtype."""
    rows = rows.contiguous()
    dist.broadcast(rows, src=source)
    return rows


def gather_rows(rows: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """Return the rows of all ranks, rank after rank; each rank may hold a different number.

    Args:
        rows: (N, ...), N may be 0; on the device that the process group works with.
    """
    size = rank_and_size()[1]
    if size == 1:
        return rows
    count = torch.tensor(len(rows), device=rows.device)
    counts = [torch.empty_like(count) for _ in range(size)]
    dist.all_gather(counts, count, group=group)
    longest = max(map(int, counts))
    padded = rows.new_zeros(longest, *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in range(size)]
    dist.all_gather(parts, padded, group=group)
    return torch.cat([part[: int(n)] for part, n in zip(parts, counts, strict=True)])


@contextmanager
def fail_together(device: torch.device) -> Iterator[None]:
    """Raise on every rank if the block raises on one, so that no rank waits for a failed one.

    Raises:
        GanzooError: on the ranks whose own block succeeded.
    """
    try:
        yield
    except Exception:
        true_on_all_ranks(False, device)
        raise
    if not true_on_all_ranks(True, device):
        raise GanzooError("another process failed while scoring; its own message says why")


# --- differentiable ---

# A gradient penalty is differentiated twice, which collectives of accelerate and torch cannot be.
# These are autograd functions whose backward passes can be differentiated as well.


class _Sum(torch.autograd.Function):
    """Sum over ranks; it is its own adjoint, so it has derivatives of any order."""

    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        total = t.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)


def _sum(t: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(t)  # type: ignore[no-untyped-call]
    return total


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        parts = [torch.empty_like(t) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, t.detach().contiguous())
        ctx.rows = len(t)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        first = dist.get_rank() * ctx.rows
        return _sum(gradient)[first : first + ctx.rows]


def gather_over_ranks(t: Tensor) -> Tensor:
    """Return the rows of t (N, ...) of all ranks in order of rank, (world_size * N, ...).

    Every rank must hold the same number of rows. Gradients of any order flow back to every rank.
    """
    return t if rank_and_size()[1] == 1 else _Gather.apply(t)  # type: ignore[no-untyped-call]


def reduce_together(tensors: list[Tensor], reduce: Callable[[Tensor], Tensor]) -> None:
    """Replace tensors, in place, by what `reduce` makes of all of them in one flat tensor."""
    flat = reduce(torch.cat([tensor.flatten() for tensor in tensors]))
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    reduced = [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
    torch._foreach_copy_(tensors, reduced)


def mean_over_ranks(t: Tensor) -> Tensor:
    """Return the mean of t over all ranks. Gradients of any order flow back to every rank."""
    size = rank_and_size()[1]
    return t if size == 1 else _sum(t) / size
