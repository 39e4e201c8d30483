"""How a run uses the CPU: how many threads, by a fixed rule on its work, and what memory it keeps.

Small steps are slower on two threads than on one: every operation ends in a barrier, and on a
machine with anything else to do a barrier can wait for a whole time slice.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL_STEP_FLOPS = 4e9
"""Below this many floating-point operations in an update of each player, one thread does it all."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's own numbers for what `mallopt` sets, from malloc.h."""


def threads_for(flops: float) -> int | None:
    """Return how many threads a run of steps of this size should use; None: as torch chooses.

    ``OMP_NUM_THREADS`` and the number that a program has set itself are respected.
    """
    chosen = "OMP_NUM_THREADS" in os.environ
    return 1 if flops < SMALL_STEP_FLOPS and not chosen else None


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for the next step; return whether it was told.

    By default it hands large blocks back to the kernel and takes them again a moment later, page
    by page: up to a quarter of a step's time. It does so from now on, for the whole process, whose
    memory then stays as high as it once was. No other allocator is touched.
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
    """Use `count` threads inside, and as many as before afterwards; None changes nothing."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
