"""What a launcher asks for in the environment: honoured, or refused in one line.

`accelerate launch` writes its options, and those of its config file, into the environment.
`torchrun` writes only the ranks. Each request is compared with the recipe before a run starts.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from ganzoo.errors import DeviceError

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
