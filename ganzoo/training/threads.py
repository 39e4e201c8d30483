"""CPU threads and memory of a run.

Small steps are slower on two threads than on one: every operation ends in a barrier, and on a busy
machine a barrier can wait for a whole time slice.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL_STEP_FLOPS = 4e9
"""Floating-point operations of one update of each player, below which one thread is faster."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`, from malloc.h."""


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
    return bool(mallopt(M_MMAP_THRESHOLD, 1 << 30) and mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1))


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
