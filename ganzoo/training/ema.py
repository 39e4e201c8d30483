"""The exponential moving average of the generator, by half-life in samples."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Ema:
    """An average of G's weights and buffers: a weight's share halves every half-life.

    Per update ``beta = 0.5 ** (images / half_life)``. The half-life is at most `ramp_up` times the
    images seen, so that the average soon forgets the start (Karras et al. 2018, arXiv:1710.10196;
    half-life and ramp-up as in arXiv:2006.06676). Counters such as batch norm's are copied.

    Args:
        half_life_samples: real images shown to D after which a weight's share has halved.
        ramp_up: fraction of the images seen that the half-life may not exceed; None: no ramp.
    """

    def __init__(
        self, generator: nn.Module, half_life_samples: float, ramp_up: float | None = None
    ) -> None:
        self.module = copy.deepcopy(generator).eval().requires_grad_(False)
        self.half_life_samples = half_life_samples
        self.ramp_up = ramp_up
        self._source: nn.Module | None = None
        self._pairs: Pairs = ([], [], [], [])

    def beta(self, images: int, samples_seen: int) -> float:
        """Return the share that the average keeps in an update of `images` images."""
        half_life = self.half_life_samples
        if self.ramp_up is not None:
            half_life = min(half_life, self.ramp_up * samples_seen)
        return 0.5 ** (images / half_life) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self, generator: nn.Module, images: int, samples_seen: int) -> None:
        """Move the average towards `generator`.

        Args:
            images: real images shown since the last update.
            samples_seen: real images shown so far, these included.
        """
        if generator is not self._source:
            self._source, self._pairs = generator, _pairs(self.module, generator)
        averages, currents, kept, latest = self._pairs
        torch._foreach_lerp_(averages, currents, 1 - self.beta(images, samples_seen))
        if kept:
            torch._foreach_copy_(kept, latest)


Pairs = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]


def _pairs(average: nn.Module, current: nn.Module) -> Pairs:
    """Return the averaged tensors and what they follow, then the copied counters and theirs.

    They are the same objects for as long as the modules are, and finding them takes longer than
    averaging a small generator.
    """
    ours, theirs = (
        dict(module.named_parameters()) | dict(module.named_buffers())
        for module in (average, current)
    )
    floats = [name for name, tensor in ours.items() if tensor.is_floating_point()]
    others = sorted(ours.keys() - set(floats))
    average_of, follow = ([side[name] for name in floats] for side in (ours, theirs))
    return average_of, follow, [ours[name] for name in others], [theirs[name] for name in others]
