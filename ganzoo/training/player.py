"""One player of the game: what it trains, how, and what decides whether its weights move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ganzoo.scoring.collectives import reduce_together

NONE = -1

INITIAL_SCALE = 2.0**16
GROWTH_INTERVAL = 2000
"""Updates without an overflow after which the loss scale is doubled."""

MAX_SCALE = 2.0**100
"""Without a bound, a scale that never overflows would double to infinity and stay there."""

LOGITS_SHARE = 2.0**-6
"""Input gradients are scaled by this share of the loss scale: they are gradients of a sum over
samples, not of a mean, and the scale itself exceeds float16's largest number, 65,504."""


class Verdict(NamedTuple):
    """What the gradients of an update say, on the device."""

    norm: Tensor
    """float32 (): the global gradient norm before clipping."""
    norms: Tensor
    """float32 (parameters,): the norm of each parameter's gradient, ordered as `Player.names`."""
    finite: Tensor
    """bool (): the terms and all gradients are finite."""
    failed: Tensor
    """bool (): they are not, and it is no float16 overflow that a smaller loss scale avoids."""


@dataclass
class Player:
    """A player's parameters and what trains them.

    `updates` counts attempted updates; regularizers are due by it. `skipped` counts the latest
    updates in a row that were not made because something was not finite.

    Args:
        named: its trained parameters by name.
        scale: loss scale, for float16.
        guard: decides on the device whether an update is made; None: the host decides.
    """

    name: str
    named: Mapping[str, nn.Parameter]
    optimizer: torch.optim.Optimizer
    clip_grad_norm: float | None = None
    world_size: int = 1
    scale: LossScale | None = None
    guard: Guard | None = None
    updates: int = 0
    skipped: int = 0

    def __post_init__(self) -> None:
        self.names, self.parameters = list(self.named), list(self.named.values())

    def backward(self, total: Tensor) -> None:
        """Accumulate the gradients of a loss in this player's parameters, and in no others."""
        scaled = total if self.scale is None else self.scale.scaled(total)
        torch.autograd.backward(scaled, inputs=self.parameters)

    def finish_gradients(self, total: Tensor, *, penalised: bool = False) -> Verdict:
        """Average the gradients over ranks, unscale and clip them; return whether to step.

        Args:
            total: () the sum of this rank's terms, detached. A term can be infinite while its
                gradient is finite, or on one rank only; summed with the gradients, it makes all
                ranks decide alike.
            penalised: a term contains input gradients, which can overflow float16 as well.
        """
        gradients = self._gradients()
        if self.world_size > 1:
            total = total.clone()
            reduce_together([*gradients, total], _all_reduced)
        if self.scale:
            self.scale.unscale(gradients)
        norms = torch.stack(torch._foreach_norm(gradients))
        norm = torch.linalg.vector_norm(norms)
        finite = torch.isfinite(norm + total)
        failed = ~finite
        if self.scale:
            failed = self.scale.update(finite, ~finite & (torch.isfinite(total) | penalised))
        if self.clip_grad_norm is not None:
            factor = (self.clip_grad_norm / (norm + 1e-6)).clamp(max=1.0)
            torch._foreach_mul_(gradients, factor)
        return Verdict(norm.detach(), norms, finite, failed)

    def count(self, *, skipped: bool) -> None:
        """Count an attempted update."""
        self.updates += 1
        self.skipped = self.skipped + 1 if skipped else 0

    def _gradients(self) -> list[Tensor]:
        """Return all gradients; a missing one becomes zero, so that every rank sums alike."""
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [p.grad for p in self.parameters if p.grad is not None]


class Guard:
    """Lets updates through until one is not finite, and none after it, without asking the host.

    Reading a number from a GPU makes the host wait for it, so it is read once in a while
    (`first`). Until then the weights stay as they were before the failed update. Both players
    share one guard.
    """

    def __init__(self, device: torch.device) -> None:
        self._seen = torch.tensor(0, dtype=torch.int64, device=device)
        self._first = torch.tensor(NONE, dtype=torch.int64, device=device)

    def allow(self, fine: Tensor) -> Tensor:
        """Count an update; return whether it may be made.

        Args:
            fine: bool (), on the device.

        Returns:
            bool (), on the device.
        """
        is_first = (self._first == NONE) & ~fine
        self._first.copy_(torch.where(is_first, self._seen, self._first))
        self._seen.add_(1)
        return self._first == NONE

    def first(self) -> int | None:
        """Return the index of the first failed update since `reset`, from 0, or None.

        The host waits for the device here.
        """
        found = int(self._first)
        return None if found == NONE else found

    def reset(self) -> None:
        """Count from 0 again, and let updates through."""
        self._seen.zero_()
        self._first.fill_(NONE)


class LossScale:
    """A factor on the loss of one network, halved when a gradient overflows float16.

    Gradients below 6e-8 are zero in float16. Multiplied by the factor they survive; they are
    divided by it in float32. An update whose gradients overflow is not made. At a factor of 1 an
    overflow counts as a failure, since there is nothing left to halve.

    Everything stays on the device. Each network has its own factor, so that an overflow in D does
    not change G's.

    Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; numbers as in
    `torch.amp.GradScaler`.
    """

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.tensor(INITIAL_SCALE, device=device)
        self.good_updates = torch.tensor(0, dtype=torch.int32, device=device)

    def scaled(self, total: Tensor) -> Tensor:
        """Return a loss times the factor."""
        return total * self.factor

    def of_logits(self) -> Tensor:
        """Return the factor for the gradient of a sum of logits; at least 1."""
        return (self.factor * LOGITS_SHARE).clamp(min=1.0)

    def unscale(self, gradients: list[Tensor]) -> None:
        """Divide gradients by the factor, in place."""
        torch._foreach_mul_(gradients, self.factor.reciprocal())

    def update(self, finite: Tensor, overflowed: Tensor) -> Tensor:
        """Adapt the factor after an update; return whether the update failed.

        Args:
            finite: bool (); terms and gradients were finite.
            overflowed: bool (); they were not, but everything that the factor does not enter was.

        Returns:
            bool (): not finite, and a smaller factor would not help.
        """
        failed = ~finite & ~(overflowed & (self.factor > 1))
        self.good_updates.copy_(torch.where(finite, self.good_updates + 1, 0))
        grows = self.good_updates >= GROWTH_INTERVAL
        self.good_updates.masked_fill_(grows, 0)
        change = torch.where(finite, 1.0 + grows.float(), 0.5)
        self.factor.mul_(change).clamp_(min=1.0, max=MAX_SCALE)
        return failed

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors on the CPU."""
        return {"factor": self.factor.cpu(), "good_updates": self.good_updates.cpu()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        self.factor.copy_(state["factor"])
        self.good_updates.copy_(state["good_updates"])


def supports_found_inf(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether the device can make an optimizer skip a step, as torch's fused ones do."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def _all_reduced(flat: Tensor) -> Tensor:
    dist.all_reduce(flat)  # in place: the gradients need no second copy
    return flat
