"""Comparing what a component said with what it said before."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Answers = Mapping[str, Tensor]
"""Tensors by a name that a message can use: ``samples``, ``logits``, ``features[0]``."""


def difference(before: Answers, after: Answers, tolerance: float = 0.0) -> str | None:
    """Return in words how two answers differ; None where they agree.

    Values that are not finite agree with their like: another check is about those.

    Args:
        tolerance: how far two numbers may lie apart, relative to the largest of both.
    """
    if before.keys() != after.keys():
        return f"{', '.join(after)} in place of {', '.join(before)}"
    for name, old in before.items():
        new = after[name]
        if old.shape != new.shape:
            return f"{name} of shape {shape(new)} in place of {shape(old)}"
        old, new = old.detach().double(), new.detach().double()
        scale = max(_largest(old), _largest(new))
        if not torch.allclose(old, new, rtol=0, atol=tolerance * scale, equal_nan=True):
            return f"a difference of up to {_largest(old - new):.3g} in {name}"
    return None


def shape(t: Tensor) -> str:
    """Return a shape as people write it: ``4x3x32x32``."""
    return "x".join(map(str, t.shape)) or "a single number"


def _largest(t: Tensor) -> float:
    return t.nan_to_num(0, 0, 0).abs().max().item() if t.numel() else 0.0
