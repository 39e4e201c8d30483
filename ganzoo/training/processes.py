"""The processes of one run: who we are, and the few things that all ranks do together.

Accelerate finds the device and starts the process group; what crosses ranks is a handful of
all-reduces.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ganzoo.errors import DeviceError

_PEER_GONE = re.compile(
    r"Connection (closed|reset) by (peer|remote peer)|Broken pipe|Socket closed|remote process "
    r"exited|Timed out waiting|NCCL (communicator was aborted|timeout)|Application timeout caused",
    re.IGNORECASE,
)
"""What gloo and NCCL say where another process of the group has ended."""


class PeerGone(DeviceError):
    """Another process of this run has ended, so that what all do together cannot be done."""

    def __init__(self) -> None:
        super().__init__("another process of this run has ended; its own message says why")


def says_peer_gone(error: BaseException) -> bool:
    """Return whether an error of a collective is about another process that is not there."""
    return isinstance(error, RuntimeError) and _PEER_GONE.search(str(error)) is not None


@contextmanager
def _peers() -> Iterator[None]:
    """Turn what a collective says of a lost process into `PeerGone`."""
    try:
        yield
    except RuntimeError as error:
        if says_peer_gone(error):
            raise PeerGone from error
        raise


@dataclass(frozen=True)
class Processes:
    """This process among those of the run."""

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and talks."""
        return self.rank == 0

    def share(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        if self.world_size == 1:
            return value
        box = [value]
        with _peers():
            dist.broadcast_object_list(box, src=0)
        return box[0]

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        if self.world_size == 1:
            return flag
        total = torch.tensor([float(flag)], device=self.device)
        with _peers():
            dist.all_reduce(total)
        return bool(total.item())

    def wait(self) -> None:
        """Return when every rank has come here."""
        if self.world_size > 1:
            with _peers():
                dist.barrier()


def find_processes(expected: int | None = None) -> Processes:
    """Return this process's place, with the process group started if there are several.

    Raises:
        DeviceError: the launcher started another number of processes than `expected`.
    """
    from accelerate import PartialState

    accelerator = torch.accelerator.is_available()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not accelerator:
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")
    state = PartialState(cpu=not accelerator)
    if expected is not None and state.num_processes != expected:
        raise DeviceError(
            f"{expected} {'process was' if expected == 1 else 'processes were'} asked for, but the "
            f"launcher started {state.num_processes}",
            hint=f"torchrun --nproc-per-node {expected} -m ganzoo run RECIPE",
        )
    device = torch.device("cpu") if state.device.type == "cpu" else state.device
    return Processes(device, state.process_index, state.num_processes)


class _Sum(torch.autograd.Function):
    """The sum over ranks. It is its own adjoint: it can be differentiated as often as one likes."""

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
    """Return the rows of t of all ranks, in order of rank; the gradient flows back to each.

    Every rank must hold as many rows. Gradients of gradients flow, too.
    """
    return t if group_size() == 1 else _Gather.apply(t)  # type: ignore[no-untyped-call]


def mean_over_ranks(t: Tensor) -> Tensor:
    """Return the mean of t over all ranks; gradients, of any order, flow back to every rank."""
    size = group_size()
    return t if size == 1 else _sum(t) / size


def group_size() -> int:
    """Return how many processes there are to reduce over; 1 where no group was started."""
    started = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if started else 1
