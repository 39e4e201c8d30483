"""What the processes of one run exchange while they score. With one process: nothing.

Only the training floor knows accelerate. A score needs sums in float64 and rows of different
counts, which plain torch.distributed has.
"""

from collections.abc import Iterator
from contextlib import contextmanager

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
