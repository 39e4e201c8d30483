"""Rows that outlive their batch: features, samples and labels, in a file and not in memory."""

import tempfile
import weakref
from math import prod

import numpy as np
import torch
from torch import Tensor

from ganzoo.errors import DiskFull
from ganzoo.moments import BLOCK
from ganzoo.scoring import ranks


class Kept:
    """Rows of one shape and dtype, in a temporary file that has no name and goes with us.

    Memory holds no more than the pages that are being read. Python's `tempfile` chooses the
    directory (``TMPDIR``).
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self._count = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (it lives as long as we)
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Tensor) -> None:
        """Add rows (N, *shape), on any device.

        Raises:
            DiskFull: there is no room for them.
        """
        content = memoryview(rows.detach().to("cpu", self.dtype).contiguous().numpy().tobytes())
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            raise DiskFull(
                f"{tempfile.gettempdir()} has no room for what the metrics need: {error.strerror}",
                hint="export TMPDIR=DIRECTORY, one with more room",
            ) from error
        self._count += len(rows)

    def tensor(self) -> Tensor:
        """Return all rows (N, *shape), memory-mapped."""
        shape = (self._count, *self.shape)
        if not prod(shape):
            return torch.empty(shape, dtype=self.dtype)
        kind = str(self.dtype).removeprefix("torch.")
        return torch.from_numpy(np.memmap(self._file, kind, "r+", shape=shape))

    def of_all_ranks(self, device: torch.device) -> "Kept":
        """Return the rows of every rank, rank after rank, without ever holding them all.

        Args:
            device: the one that the process group works with.
        """
        rank, size = ranks.world()
        if size == 1:
            return self
        own, everything = self.tensor(), Kept(self.shape, self.dtype)
        for source, count in enumerate(ranks.counts_of_all(self._count, device)):
            for first in range(0, count, BLOCK):
                some = min(BLOCK, count - first)
                block = (
                    own[first : first + some]
                    if source == rank
                    else torch.empty(some, *self.shape, dtype=self.dtype)
                )
                everything.add(ranks.from_rank(source, block.to(device)))
        return everything
