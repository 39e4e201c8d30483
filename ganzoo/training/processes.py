"""The processes of one run: rank and device of this one, and what crosses ranks.

One `accelerate.Accelerator` per process starts the process group and chooses the device. None of
its wrappers is around the networks, optimizers or data: an update costs nothing more for it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ganzoo.errors import DeviceError
from ganzoo.training.launchers import refuse_unsupported, require_agreement, require_count

_PEER_GONE = re.compile(
    r"Connection (closed|reset) by (peer|remote peer)|Broken pipe|Socket closed|remote process "
    r"exited|Timed out waiting|NCCL (communicator was aborted|timeout)|Application timeout caused",
    re.IGNORECASE,
)
"""Messages of gloo and NCCL after another process of the group has ended."""


class PeerGone(DeviceError):
    """Another process of this run has ended, so a collective operation cannot complete."""

    def __init__(self) -> None:
        super().__init__("another process of this run has ended; its own message says why")


def says_peer_gone(error: BaseException) -> bool:
    """Return whether a collective failed because another process has ended."""
    return isinstance(error, RuntimeError) and _PEER_GONE.search(str(error)) is not None


@contextmanager
def _peers() -> Iterator[None]:
    """Raise `PeerGone` where a collective fails because another process has ended."""
    try:
        yield
    except RuntimeError as error:
        if says_peer_gone(error):
            raise PeerGone from error
        raise


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Args:
        accelerator: the `accelerate.Accelerator` of this process; None where there is one process
            and nothing to exchange.
    """

    device: torch.device
    rank: int = 0
    world_size: int = 1
    accelerator: Any = field(default=None, repr=False, compare=False)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def share(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        if self.world_size == 1:
            return value
        from accelerate.utils import broadcast_object_list

        with _peers():
            return broadcast_object_list([value])[0]

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        if self.world_size == 1:
            return flag
        with _peers():
            total = self.accelerator.reduce(torch.tensor(float(flag), device=self.device))
        return bool(total.item())

    def wait(self) -> None:
        """Return when every rank has come here."""
        if self.world_size > 1:
            with _peers():
                self.accelerator.wait_for_everyone()


def find_processes(expected: int | None = None, train: Any = None) -> Processes:
    """Return this process's place; start the process group if there are several.

    Args:
        expected: number of processes to insist on; None: as many as the launcher was asked for.
        train: the recipe's ``train`` settings, which the launcher must not contradict.

    Raises:
        DeviceError: another number of processes, or a launcher that asks for what the recipe
            does not say, or for what is not supported.
    """
    refuse_unsupported()
    accelerator = _accelerator()
    require_count(accelerator.num_processes, expected)
    if train is not None:
        require_agreement(train, accelerator.mixed_precision, accelerator.num_processes)
    # On CPUs accelerate numbers the devices by rank (cpu:1), which tensors do not.
    device = torch.device("cpu") if accelerator.device.type == "cpu" else accelerator.device
    count = accelerator.num_processes
    return Processes(device, accelerator.process_index, count, accelerator)


@cache
def _accelerator() -> Any:
    """Return the `accelerate.Accelerator` of this process, made at the first call.

    Raises:
        DeviceError: accelerate cannot start here, or has found a TPU.
    """
    from accelerate import Accelerator
    from accelerate.utils import DistributedType

    try:
        accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    except (ValueError, ImportError, NotImplementedError, dist.DistError) as error:
        reason = " ".join(str(error).split())
        raise DeviceError(f"accelerate cannot start: {reason}") from error
    if accelerator.distributed_type == DistributedType.XLA:
        raise DeviceError("accelerate found a TPU, which is not supported")
    return accelerator


# Accelerate's gather and reduce are not differentiable. A gradient penalty is differentiated twice,
# so these collectives are autograd functions whose backward passes can be differentiated as well.


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
    return t if group_size() == 1 else _Gather.apply(t)  # type: ignore[no-untyped-call]


def mean_over_ranks(t: Tensor) -> Tensor:
    """Return the mean of t over all ranks. Gradients of any order flow back to every rank."""
    size = group_size()
    return t if size == 1 else _sum(t) / size


def group_size() -> int:
    """Return the number of processes in the group; 1 where no group was started."""
    started = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if started else 1
