"""Rows of numbers that do not fit in memory: in a temporary file, or chosen by their hashes."""

import hashlib
import tempfile
import weakref
from math import prod

import numpy as np
import torch
from torch import Tensor

from ganzoo.errors import DiskFull


class RowsOnDisk:
    """Rows of one shape and dtype in an unnamed temporary file, deleted with this object.

    They are memory-mapped, so they need no more memory than the pages that are read. Python's
    `tempfile` chooses the directory (``TMPDIR``).
    """

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self._count = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (as long as self)
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._count

    def add(self, rows: Tensor) -> None:
        """Append rows (N, *shape), on any device.

        Raises:
            DiskFull: there is no room for them.
        """
        content = memoryview(rows.detach().to("cpu", self.dtype).contiguous().numpy().tobytes())
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            raise DiskFull(
                f"{tempfile.gettempdir()} has no room for rows of data: {error.strerror}",
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


def ordered_hash(sample: Tensor) -> int:
    """Return a 64-bit hash of a sample's bytes, shifted to be signed."""
    digest = hashlib.blake2b(sample.contiguous().numpy().tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "big") - (1 << 63)
