"""Subsets of samples that do not depend on their order, and what is computed of one set once."""

import weakref
from collections.abc import Callable
from hashlib import blake2b

import torch
from torch import Tensor

from ganzoo.api import Evaluated
from ganzoo.nn import RowsOnDisk, blocks_of_rows, ordered_hash


def hashes_of(side: Evaluated) -> Tensor:
    """Return a hash of each sample's content, int64 (N,)."""
    if side.hashes is not None:
        return side.hashes
    return torch.tensor([ordered_hash(sample) for sample in side.samples], dtype=torch.int64)


def order_of(side: Evaluated, seed: int = 0) -> Tensor:
    """Return a random order (N,) of samples that depends on their content and the seed alone.

    Equal samples are interchangeable. Samples decide, not features: the last digits of features
    depend on the batches that the samples were in.
    """
    key = seed.to_bytes(8, "little")
    digests = [
        blake2b(h.tobytes(), digest_size=8, key=key).digest() for h in hashes_of(side).numpy()
    ]
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__), dtype=torch.int64)


def taken(features: Tensor, rows: Tensor) -> Tensor:
    """Return these rows of features (N, D), memory-mapped."""
    found = RowsOnDisk(tuple(features.shape[1:]), features.dtype)
    for block in blocks_of_rows(features, rows):
        found.add(block)
    return found.tensor()


class Remembered:
    """Keeps what was computed last from features; those of the reference serve all scores of a run.

    Args:
        compute: from features (N, D) to the result.
    """

    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        self._compute = compute
        self._of: weakref.ref[Tensor] | None = None
        self._found = torch.empty(0)

    def __call__(self, features: Tensor) -> Tensor:
        """Return the result for these features."""
        if self._of is None or self._of() is not features:
            self._of, self._found = None, self._compute(features)
            self._of = weakref.ref(features)
        return self._found
