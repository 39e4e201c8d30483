"""How a run executes on this machine: precision, memory format, determinism, threads, memory.

The context managers restore the previous settings.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from ganzoo.api import SampleSpec
from ganzoo.errors import DeviceError
from ganzoo.scoring.features import cuda_backends, fp32_precision

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""``train.precision`` → dtype of the forward passes; float32 for the others."""

SMALL_STEP_FLOPS = 4e9
"""Floating-point operations of one update of each player, below which one thread is faster.

Every operation on several threads ends in a barrier, which on a busy machine can wait for a whole
time slice.
"""


def resolve_channels_last(memory_format: str, spec: SampleSpec) -> bool:
    """Return whether 4-D tensors are stored channels-last; ``auto`` asks the modality.

    On CPUs that was never slower, for any network, precision and penalty measured: see
    docs/performance.md.
    """
    if memory_format != "auto":
        return memory_format == "channels_last"
    return spec.kind.channels_last


def require_compiler(device: torch.device) -> None:
    """Check that ``train.compile`` can work on a device.

    Raises:
        DeviceError: the device is a CPU and there is no C++ compiler, which torch needs there.
    """
    names = [os.environ.get("CXX", "g++"), "g++", "clang++"]
    if device.type == "cpu" and not any(map(shutil.which, names)):
        raise DeviceError(
            "train.compile on a CPU needs a C++ compiler, and neither g++ nor clang++ is installed",
            hint="train.compile=false",
        )


@contextmanager
def numerics(train: Any) -> Iterator[None]:
    """Apply a recipe's ``train.precision`` and ``train.deterministic`` inside."""
    with (
        _deterministic() if train.deterministic else nullcontext(),
        float32_precision("tf32" if train.precision == "tf32" else "ieee"),
    ):
        yield


@contextmanager
def _deterministic() -> Iterator[None]:
    """Allow only deterministic algorithms inside.

    Called only if needed: even switching them off imports torch's compiler.
    """
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS refuses
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def float32_precision(kind: str) -> AbstractContextManager[None]:
    """Set how CUDA multiplies float32 inside: ``ieee`` or ``tf32``; no effect without CUDA."""
    return fp32_precision(cuda_backends() if torch.cuda.is_available() else [], kind)


# --- threads and memory ---


def threads_for(flops: float) -> int | None:
    """Return the number of threads for a run of steps of this size; None: torch's choice.

    Args:
        flops: of one update of each player. If ``OMP_NUM_THREADS`` is set, it decides instead.
    """
    chosen = "OMP_NUM_THREADS" in os.environ
    return 1 if flops < SMALL_STEP_FLOPS and not chosen else None


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory for the next step; return whether that worked.

    By default it returns large blocks to the kernel and requests them again, page by page, in the
    next step: up to a quarter of its time. This applies to the whole process from now on, whose
    memory then stays at its peak. Other allocators are not affected.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, mmap_threshold = -1, -3  # parameters of mallopt, from malloc.h
    return bool(mallopt(mmap_threshold, 1 << 30) and mallopt(trim_threshold, (1 << 31) - 1))


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Use `count` threads inside the block and restore the number afterwards; None: no change."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
