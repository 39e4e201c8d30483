"""One player of the game: a network, its optimizer, and one update of its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ganzoo.training.guard import Guard
from ganzoo.training.loss_scale import LossScale


class Outcome(NamedTuple):
    """What became of an update."""

    norm: Tensor
    """float32 (): the global gradient norm before clipping."""
    norms: Tensor
    """float32 (parameters,): each parameter's, in the order of `Player.names`."""
    made: bool = True
    """Whether the optimizer stepped; under a guard only the device knows."""
    accident: bool = False
    """Whether a term or a gradient is not finite, and that is no mere overflow of float16."""


@dataclass
class Player:
    """A network and what moves it.

    `updates` counts attempted updates; regularizers fall due by it. `skipped` counts those in a
    row that were not made because a gradient was not finite.

    Args:
        scale: of the loss, for float16.
        guard: decides on the device whether a step is made; None: the host does.
    """

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    clip_grad_norm: float | None = None
    world_size: int = 1
    scale: LossScale | None = None
    guard: Guard | None = None
    updates: int = 0
    skipped: int = 0
    parameters: list[nn.Parameter] = field(init=False)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.names, self.parameters = list(trained), list(trained.values())

    def backward(self, total: Tensor) -> None:
        """Add the gradients of a loss to this player's parameters, and to no others."""
        scaled = total if self.scale is None else self.scale.scaled(total)
        torch.autograd.backward(scaled, inputs=self.parameters)

    def apply_gradients(self, total: Tensor, *, penalised: bool = False) -> Outcome:
        """Average the gradients over ranks, clip them, and step if they and the terms are finite.

        Args:
            total: the sum of this rank's terms, detached. A term can be infinite and its gradient
                not, or on one rank alone; all ranks decide alike.
            penalised: whether a term is made of input gradients, which overflow as others do.
        """
        gradients = self._gradients()
        if self.world_size > 1:
            total = total.clone()
            _sum_over_ranks([*gradients, total])
        if self.scale:
            self.scale.unscale(gradients)
        norms = torch.stack(torch._foreach_norm(gradients))
        norm = torch.linalg.vector_norm(norms)
        fine = torch.isfinite(norm + total)
        earnest = ~fine
        if self.scale:
            earnest = self.scale.update(fine, ~fine & (torch.isfinite(total) | penalised))
        if self.clip_grad_norm is not None:
            scale = (self.clip_grad_norm / (norm + 1e-6)).clamp(max=1.0)
            torch._foreach_mul_(gradients, scale)
        made, accident = self._step(fine, earnest)
        self.optimizer.zero_grad(set_to_none=True)
        return Outcome(norm.detach(), norms, made, accident)

    def count(self, *, skipped: bool) -> None:
        """Count an update that was attempted."""
        self.updates += 1
        self.skipped = self.skipped + 1 if skipped else 0

    def _step(self, fine: Tensor, earnest: Tensor) -> tuple[bool, bool]:
        if self.guard is None:
            made, accident = torch.stack([fine, earnest]).tolist()
            if made:
                self.optimizer.step()
            return made, accident
        allowed = self.guard.let(~earnest) & fine
        # A fused optimizer reads this on the device, and leaves weights and state alone where it is
        # 1: what torch.amp.GradScaler tells it of an overflow.
        self.optimizer.found_inf = (~allowed).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        return True, False

    def _gradients(self) -> list[Tensor]:
        """Return all gradients; one that is missing counts as zero."""
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [p.grad for p in self.parameters if p.grad is not None]


def obeys_a_guard(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether an optimizer lets the device decide about a step, as torch's fused ones do."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def _sum_over_ranks(tensors: list[Tensor]) -> None:
    """Add up tensors of all ranks in place, in one flat all-reduce."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    summed = [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
    torch._foreach_copy_(tensors, summed)
