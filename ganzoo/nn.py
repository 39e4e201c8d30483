"""Tensor helpers for plugin authors: between stored and model form, and parts of networks."""

import torch
from torch import Tensor
from torch.nn import functional

from ganzoo.api import SampleSpec


def encode(spec: SampleSpec, stored: Tensor) -> Tensor:
    """Return the float32 model form of a batch in stored form.

    Images and video go from uint8 to [-1, 1], text from int64 (B, L) to one-hot (B, L, V).
    """
    if spec.modality in ("image", "video"):
        return stored.float().div_(127.5).sub_(1)
    if spec.modality == "text":
        assert spec.vocabulary is not None
        return functional.one_hot(stored, spec.vocabulary).float()
    return stored.float()


def decode(spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return the stored form of a batch in model form: clamped, then rounded to the nearest.

    Text takes the most likely token. The inverse of `encode` on anything that `encode` returns.
    """
    if spec.modality in ("image", "video"):
        levels = samples.float().clamp(-1, 1).add(1).mul(127.5)
        return levels.round_().to(torch.uint8)
    if spec.modality == "text":
        return samples.argmax(-1)
    if spec.modality == "audio":
        return samples.float().clamp(-1, 1)
    return samples.float()
