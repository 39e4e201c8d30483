"""Subsets of samples that do not depend on the order of the samples."""

from hashlib import blake2b

import torch
from torch import Tensor

from ganzoo.nn import RowsOnDisk, blocks_of_rows

BLOCK = 1024


def order_of(rows: Tensor, seed: int = 0) -> Tensor:
    """Return a random order (N,) of rows that depends on their content and the seed alone.

    Rows of equal content are interchangeable.
    """
    key = seed.to_bytes(8, "little")
    digests = [
        blake2b(row.numpy().tobytes(), digest_size=8, key=key).digest()
        for block in torch.split(rows, BLOCK)
        for row in block
    ]
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__), dtype=torch.int64)


def taken(features: Tensor, rows: Tensor) -> Tensor:
    """Return these rows of features (N, D), memory-mapped."""
    found = RowsOnDisk(tuple(features.shape[1:]), features.dtype)
    for block in blocks_of_rows(features, rows):
        found.add(block)
    return found.tensor()
