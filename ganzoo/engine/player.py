"""One player of the game: a network, its optimizer, and one update of its weights."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass
class Player:
    """A network and what moves it.

    `updates` counts attempted updates; regularizers fall due by it. `skipped` counts those in a
    row that were not made because a gradient was not finite.
    """

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    clip_grad_norm: float | None = None
    world_size: int = 1
    updates: int = 0
    skipped: int = 0
    parameters: list[nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]

    def apply_gradients(self) -> tuple[Tensor, bool]:
        """Average the gradients over ranks, clip them, and step if they are finite.

        Returns:
            The global gradient norm before clipping, and whether the step was made.
        """
        gradients = self._gradients()
        if self.world_size > 1:
            _sum_over_ranks(gradients)
        norms = torch._foreach_norm(gradients)
        norm = torch.linalg.vector_norm(torch.stack(norms))
        finite = bool(torch.isfinite(norm))
        if finite:
            if self.clip_grad_norm is not None:
                scale = (self.clip_grad_norm / (norm + 1e-6)).clamp(max=1.0)
                torch._foreach_mul_(gradients, scale)
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.updates += 1
        self.skipped = 0 if finite else self.skipped + 1
        return norm, finite

    def _gradients(self) -> list[Tensor]:
        """Return all gradients; one that is missing counts as zero."""
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [p.grad for p in self.parameters if p.grad is not None]


def _sum_over_ranks(gradients: list[Tensor]) -> None:
    """Add up the gradients of all ranks in place, in one flat all-reduce."""
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    summed = [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
    torch._foreach_copy_(gradients, summed)
