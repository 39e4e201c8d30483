"""How many CPU threads a run uses: a fixed rule on its work, never a timing.

Small steps are slower on two threads than on one: every operation ends in a barrier, and on a
machine with anything else to do a barrier can wait for a whole time slice.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL_STEP_FLOPS = 4e9
"""Below this many floating-point operations in an update of each player, one thread does it all."""


def threads_for(flops: float) -> int | None:
    """Return how many threads a run of steps of this size should use; None: as torch chooses.

    ``OMP_NUM_THREADS`` and the number that a program has set itself are respected.
    """
    chosen = "OMP_NUM_THREADS" in os.environ
    return 1 if flops < SMALL_STEP_FLOPS and not chosen else None


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
