"""The dtype in which losses compute."""

import torch
from torch import Tensor


def full_precision(t: Tensor) -> Tensor:
    """Return t in float32, or in float64 if it is that: D may return half precision."""
    return t.to(torch.promote_types(t.dtype, torch.float32))
