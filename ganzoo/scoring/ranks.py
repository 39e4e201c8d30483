"""What the processes of one run do together while they score. With one process: nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from ganzoo.errors import GanzooError


def world() -> tuple[int, int]:
    """Return (rank, number of processes); (0, 1) where torch.distributed is not initialised."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def share(rows: Tensor) -> Tensor:
    """Return this rank's consecutive part of rows (N, ...) that every rank has."""
    rank, size = world()
    return rows.tensor_split(size)[rank]


def total(t: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """Return the sum of t over all ranks, as a new tensor."""
    t = t.clone()
    if world()[1] > 1:
        dist.all_reduce(t, group=group)
    return t


def on_all(flag: bool, device: torch.device) -> bool:
    """Return whether the flag is set on every rank."""
    return int(total(torch.tensor(int(flag), device=device))) == world()[1]


def counts_of_all(count: int, device: torch.device) -> list[int]:
    """Return every rank's count, in order of the ranks."""
    rank, size = world()
    counts = torch.zeros(size, dtype=torch.int64, device=device)
    counts[rank] = count
    return [int(number) for number in total(counts)]


def from_rank(source: int, rows: Tensor) -> Tensor:
    """Return rank `source`'s rows on every rank; the others' say their shape and dtype."""
    rows = rows.contiguous()
    dist.broadcast(rows, src=source)
    return rows


def all_rows(rows: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """Return the rows of all ranks, rank after rank; ranks may hold different numbers of them.

    Args:
        rows: (N, ...), N may be 0; on the device that the process group works with.
    """
    size = world()[1]
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
def together(device: torch.device) -> Iterator[None]:
    """Raise on every rank if the block raises on one: nobody waits for a rank that is gone.

    Raises:
        GanzooError: on the ranks whose own block went well.
    """
    try:
        yield
    except Exception:
        on_all(False, device)
        raise
    if not on_all(True, device):
        raise GanzooError("another process failed while scoring; its own message says why")
