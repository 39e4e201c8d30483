"""The factor that keeps float16 gradients of one network from vanishing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

START = 2.0**16
GROWN_AFTER = 2000
"""Updates without an overflow after which the factor is doubled."""

LARGEST = 2.0**100
"""Where nothing ever overflows, the factor would double until it is infinite, and stay so."""

LOGITS = 2.0**-6
"""Share of the factor that input gradients are scaled by: they are of a sum over samples, not of a
mean, and the factor itself is beyond float16's largest number, 65,504."""


class LossScale:
    """A factor on the loss of one network, halved when a gradient overflows.

    Gradients in float16 below 6e-8 are zero; multiplied by a factor they are kept, and divided by
    it in float32 they are what they were. An update whose gradients overflow is not made. At a
    factor of 1 there is nothing left to halve, and what is not finite then is so in earnest.

    All of it stays on the device. Each network has a factor of its own, so that an overflow in D
    says nothing of G.

    Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; the numbers are those of
    `torch.amp.GradScaler`.
    """

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.tensor(START, device=device)
        self.good_updates = torch.tensor(0, dtype=torch.int32, device=device)

    def scaled(self, total: Tensor) -> Tensor:
        """Return a loss, scaled."""
        return total * self.factor

    def of_logits(self) -> Tensor:
        """Return the factor for the gradient of a sum of logits; at least 1."""
        return (self.factor * LOGITS).clamp(min=1.0)

    def unscale(self, gradients: list[Tensor]) -> None:
        """Divide gradients by the factor, in place."""
        torch._foreach_mul_(gradients, self.factor.reciprocal())

    def update(self, fine: Tensor, overflowed: Tensor) -> Tensor:
        """Move the factor after an update; return whether what was not fine is so in earnest.

        Args:
            fine: bool (); whether terms and gradients were finite.
            overflowed: bool (); whether only what the factor enters was not.

        Returns:
            bool (): not fine, and a smaller factor would not help.
        """
        earnest = ~fine & ~(overflowed & (self.factor > 1))
        self.good_updates.copy_(torch.where(fine, self.good_updates + 1, 0))
        grows = self.good_updates >= GROWN_AFTER
        self.good_updates.masked_fill_(grows, 0)
        change = torch.where(fine, 1.0 + grows.float(), 0.5)
        self.factor.mul_(change).clamp_(min=1.0, max=LARGEST)
        return earnest

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors on the CPU."""
        return {"factor": self.factor.cpu(), "good_updates": self.good_updates.cpu()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.factor.copy_(state["factor"])
        self.good_updates.copy_(state["good_updates"])
