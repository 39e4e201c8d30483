"""The processes of one run: rank and device of this one, and what crosses ranks.

One `accelerate.Accelerator` per process starts the process group and chooses the device. None of
its wrappers is around the networks, optimizers or data: an update costs nothing more for it.
"""

import atexit
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from ganzoo.errors import DeviceError

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

    @contextmanager
    def peers(self) -> Iterator[None]:
        """Raise `PeerGone` where a collective fails because another process has ended.

        This process then ends later than that one; see `end_later`.
        """
        try:
            yield
        except RuntimeError as error:
            if self.world_size > 1 and says_peer_gone(error):
                end_later()
                raise PeerGone from error
            raise

    def share(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        if self.world_size == 1:
            return value
        from accelerate.utils import broadcast_object_list

        with self.peers():
            return broadcast_object_list([value])[0]

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        if self.world_size == 1:
            return flag
        with self.peers():
            total = self.accelerator.reduce(torch.tensor(float(flag), device=self.device))
        return bool(total.item())

    def wait(self) -> None:
        """Return when every rank has come here."""
        if self.world_size > 1:
            with self.peers():
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
    # Its functions have the group at the time of this import as a default: a group that has started
    # by then outlives `destroy_process_group`, with its threads.
    import torch.distributed.nn.functional
    from accelerate import Accelerator
    from accelerate.utils import DistributedType

    try:
        accelerator = Accelerator(cpu=not torch.accelerator.is_available())
    except (ValueError, ImportError, NotImplementedError, dist.DistError) as error:
        reason = " ".join(str(error).split())
        raise DeviceError(f"accelerate cannot start: {reason}", hint="ganzoo doctor") from error
    if accelerator.distributed_type == DistributedType.XLA:
        raise DeviceError("accelerate found a TPU, which is not supported")
    if accelerator.num_processes > 1:
        atexit.register(_leave_group)
    return accelerator


def _leave_group() -> None:
    """Destroy the process group, if there still is one.

    A thread of the group that needs Python while the interpreter shuts down aborts the process
    (exit code -6, after a run that succeeded; PyTorch's pull request 179291 tells why).
    """
    if dist.is_initialized():
        dist.destroy_process_group()


def end_later() -> None:
    """End this process a second later than it would, because another one has the cause to tell.

    torchrun looks ten times a second; of those that ended between two looks it reports the lowest
    rank as the root cause, and it stops the others as soon as one has ended.
    """
    atexit.register(time.sleep, 1.0)


def stay_in_group() -> None:
    """Leave the process group only by the end of this process.

    The others end as soon as the group is left. A process that failed has to end before them:
    a launcher reports the first one as the root cause.
    """
    atexit.unregister(_leave_group)


# --- what a launcher asks for ---

# `accelerate launch` writes its options, and those of its config file, into the environment;
# `torchrun` writes only the ranks. Each request is compared with the recipe before a run starts:
# honoured, or refused in one line.

UNSUPPORTED = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism config",
}
"""Environment variable → the sharding that it switches on."""

MPI_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def refuse_unsupported() -> None:
    """Check that the environment asks only for data parallelism in a precision that exists here.

    Raises:
        DeviceError: FSDP, DeepSpeed, Megatron-LM, a parallelism config, or fp8.
    """
    for variable, name in UNSUPPORTED.items():
        if os.environ.get(variable, "").lower() in ("1", "true", "yes"):
            raise DeviceError(
                f"{variable} asks for {name}, which is not supported: "
                "every process holds both networks whole",
                hint=relaunch(int(os.environ.get("WORLD_SIZE", "1"))),
            )
    if os.environ.get("ACCELERATE_MIXED_PRECISION", "").lower() == "fp8":
        raise DeviceError(
            "accelerate launch asks for mixed precision fp8, which is not supported",
            hint="accelerate launch --mixed_precision no, and train.precision=bf16",
        )


def require_count(started: int, expected: int | None) -> None:
    """Check that as many processes started as were asked for.

    Args:
        expected: as ``--expect-processes`` says; None: as the launcher's environment says.

    Raises:
        DeviceError: another number started.
    """
    if expected is not None and started != expected:
        raise DeviceError(
            f"{expected} {'process was' if expected == 1 else 'processes were'} asked for, but the "
            f"launcher started {started}",
            hint=relaunch(expected),
        )
    if expected is None and started == 1 and _several_were_asked_for():
        raise DeviceError(
            "accelerate launch was asked for several processes and started one: "
            "without several GPUs it needs MPI (one is right: --expect-processes 1)",
            hint=relaunch(2),
        )


def _several_were_asked_for() -> bool:
    """Return whether `accelerate launch` prepared for several processes and started none of them.

    It then exports a rendezvous address and no number of processes, and runs the command once.
    The number itself is not in the environment.
    """
    environment = os.environ
    ranked = any(name in environment for name in ("WORLD_SIZE", "RANK", *MPI_SIZES))
    return (
        "ACCELERATE_MIXED_PRECISION" in environment and "MASTER_ADDR" in environment and not ranked
    )


def require_agreement(train: Any, mixed_precision: str, world_size: int) -> None:
    """Compare what the launcher asks for with a recipe's ``train`` settings.

    ``no``, which `accelerate launch` exports by default, asks for nothing: any precision goes.

    Args:
        train: the recipe's settings.
        mixed_precision: as the `Accelerator` has it: no, fp16 or bf16.

    Raises:
        DeviceError: they contradict each other; both values are named.
    """
    asked = mixed_precision.lower()
    if asked == "no" and "NPROC" in os.environ:
        # `notebook_launcher` exports its argument under this name, which Accelerator does not read.
        asked = os.environ.get("MIXED_PRECISION", "no").lower()
    if asked not in ("no", train.precision):
        raise DeviceError(
            f"the launcher asks for mixed precision {asked}, but train.precision is "
            f"{train.precision}",
            hint=f"train.precision={asked}, or launch with --mixed_precision no",
        )
    backend = os.environ.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()
    if backend != "no" and not (backend == "inductor" and train.compile is True):
        raise DeviceError(
            f"the launcher asks for the dynamo backend {backend}, but train.compile decides what "
            f"is compiled (by inductor), and is {str(train.compile).lower()}",
            hint="train.compile=true, and launch without --dynamo_backend",
        )
    parts = os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    if parts not in ("", "1"):
        share = train.batch_size // max(world_size, 1)
        size = max(1, share // int(parts)) if parts.isdigit() and int(parts) else share
        raise DeviceError(
            f"the launcher asks for {parts} gradient accumulation steps, but train.micro_batch is "
            f"what splits a batch, and is {train.micro_batch or 'not set'}",
            hint=f"train.micro_batch={size}, and unset ACCELERATE_GRADIENT_ACCUMULATION_STEPS",
        )


def relaunch(count: int) -> str:
    """Return this process's command line, to be started as `count` processes."""
    launcher = ["torchrun", "--nproc-per-node", str(count)] if count > 1 else ["python"]
    program, *words = sys.argv
    if Path(program).name in ("ganzoo", "__main__.py") and words:
        return shlex.join([*launcher, "-m", "ganzoo", *words])
    return shlex.join([*launcher, "-m", "ganzoo", "run", "RECIPE"])
