"""Random subsets of samples that do not depend on the order of the samples."""

from hashlib import blake2b

import torch
from torch import Tensor

BLOCK = 1024


def order_of(samples: Tensor, seed: int = 0) -> Tensor:
    """Return a random order (N,) of samples that depends on their content and the seed alone.

    Equal samples are interchangeable. Order samples, not features: the last digits of features
    depend on the batches that the samples were in.
    """
    key = seed.to_bytes(8, "little")
    digests = [
        blake2b(row.numpy().tobytes(), digest_size=8, key=key).digest()
        for block in torch.split(samples, BLOCK)
        for row in block
    ]
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__), dtype=torch.int64)
