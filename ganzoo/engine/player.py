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
    names: list[str] = field(init=False)
    norms: Tensor = field(init=False)
    """Of each parameter's gradient in the last update, before clipping, in the order of `names`."""

    def __post_init__(self) -> None:
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.names, self.parameters = list(trained), list(trained.values())
        self.norms = torch.zeros(len(trained))

    def apply_gradients(self, total: Tensor) -> tuple[Tensor, bool]:
        """Average the gradients over ranks, clip them, and step if they and the terms are finite.

        Args:
            total: the sum of this rank's terms, detached. A term can be infinite and its gradient
                not, or on one rank alone; all ranks decide alike.

        Returns:
            The global gradient norm before clipping, and whether the step was made.
        """
        gradients = self._gradients()
        if self.world_size > 1:
            total = total.clone()
            _sum_over_ranks([*gradients, total])
        self.norms = torch.stack(torch._foreach_norm(gradients))
        norm = torch.linalg.vector_norm(self.norms)
        finite = bool(torch.isfinite(norm + total))
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


def _sum_over_ranks(tensors: list[Tensor]) -> None:
    """Add up tensors of all ranks in place, in one flat all-reduce."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    summed = [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
    torch._foreach_copy_(tensors, summed)
