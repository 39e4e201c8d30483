"""Counts of runs of tokens, and of tokens by their place, as features."""

from __future__ import annotations

import torch
from torch import Tensor

LONGEST, BUCKETS = 3, 64
MULTIPLIER, PRIME = 6_364_136, 2_147_483_647


class NGrams:
    """Square roots of the counts of 1-, 2- and 3-grams, and of tokens in each quarter of a line.

    Each of the four is hashed into 64 buckets: 256 features, the same on every machine; nothing is
    trained. So a Fréchet distance compares how often runs of tokens are, how they go together
    within a line, and where in the line tokens stand. The square root makes the variance of a
    count nearly independent of its mean.
    """

    input_shape = None
    num_features = (LONGEST + 1) * BUCKETS
    layer = "hashed n-grams"
    weights_sha256 = None

    def __call__(self, x: Tensor) -> Tensor:
        tokens = x.long()
        length = tokens.shape[1]
        runs, parts = torch.zeros_like(tokens), []
        for n in range(LONGEST):
            held = length - n
            if held > 0:
                runs = _hashed(runs[:, :held], tokens[:, n:])
            parts.append(_counts(runs[:, : max(held, 0)]))
        quarter = 4 * torch.arange(length, device=tokens.device) // length
        parts.append(_counts(_hashed(_hashed(torch.zeros_like(tokens), tokens), quarter)))
        return torch.cat(parts, 1).sqrt()


def _hashed(before: Tensor, tokens: Tensor) -> Tensor:
    return ((before + tokens + 1) * MULTIPLIER + 12_345) % PRIME


def _counts(hashes: Tensor) -> Tensor:
    """Return how many hashes (B, N) fall into each bucket, float32 (B, BUCKETS)."""
    found = torch.zeros(len(hashes), BUCKETS, device=hashes.device)
    buckets = (hashes // 7) % BUCKETS
    return found.scatter_add_(1, buckets, torch.ones_like(buckets, dtype=torch.float32))
