"""What networks return, in one form and in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.api import DiscriminatorOutput


def as_output(output: Any) -> DiscriminatorOutput:
    """Return what a D gave in the one form: logits alone are allowed as well."""
    return DiscriminatorOutput(output) if isinstance(output, Tensor) else output


def lifted(output: Any) -> DiscriminatorOutput:
    """Return an output with half-precision logits and extras in float32, features as made."""
    output = as_output(output)
    return DiscriminatorOutput(
        logits=full(output.logits),
        features=output.features,
        class_logits=None if output.class_logits is None else full(output.class_logits),
        extra={name: full(value) for name, value in output.extra.items()},
    )


def full(t: Tensor) -> Tensor:
    """Return t in float32 if it is in half precision, else as it is."""
    return t.float() if t.dtype in (torch.bfloat16, torch.float16) else t
