"""The exponential moving average of the generator, by half-life in samples."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Ema:
    """Average G's weights and buffers; the share of old weights halves every half-life.

    Per update ``average = beta * average + (1 - beta) * current`` with
    ``beta = 0.5 ** (samples / half_life)``. The half-life is at most `ramp_up` times the samples
    seen, so that the start is forgotten quickly. Counters, such as batch norm's, are copied.

    Args:
        half_life_samples: half-life, in real samples shown to D.
        ramp_up: maximum half-life as a fraction of the samples seen; None: no maximum.

    Source: Karras et al. 2018, arXiv:1710.10196; half-life and ramp-up: arXiv:2006.06676.
    """

    def __init__(
        self, generator: nn.Module, half_life_samples: float, ramp_up: float | None = None
    ) -> None:
        self.module = copy.deepcopy(generator).eval().requires_grad_(False)
        self.half_life_samples = half_life_samples
        self.ramp_up = ramp_up
        self._source: nn.Module | None = None
        self._pairs: Pairs = ([], [], [], [])

    def beta(self, samples: int, samples_seen: int) -> float:
        """Return the share of itself that the average keeps in an update, in [0, 1]."""
        half_life = self.half_life_samples
        if self.ramp_up is not None:
            half_life = min(half_life, self.ramp_up * samples_seen)
        return 0.5 ** (samples / half_life) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self, generator: nn.Module, samples: int, samples_seen: int) -> None:
        """Move the average towards `generator`.

        Args:
            samples: real samples shown to D since the last update.
            samples_seen: real samples shown so far, these included.
        """
        if generator is not self._source:
            self._source, self._pairs = generator, _pairs(self.module, generator)
        averages, currents, kept, latest = self._pairs
        torch._foreach_lerp_(averages, currents, 1 - self.beta(samples, samples_seen))
        if kept:
            torch._foreach_copy_(kept, latest)


Pairs = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]


def _pairs(average: nn.Module, current: nn.Module) -> Pairs:
    """Return averaged tensors and their sources, then copied counters and their sources.

    The lists stay valid as long as the modules do. Finding the tensors takes longer than averaging
    a small generator, so it is done once.
    """
    ours, theirs = (
        dict(module.named_parameters()) | dict(module.named_buffers())
        for module in (average, current)
    )
    floats = [name for name, tensor in ours.items() if tensor.is_floating_point()]
    others = sorted(ours.keys() - set(floats))
    averages, sources = ([side[name] for name in floats] for side in (ours, theirs))
    return averages, sources, [ours[name] for name in others], [theirs[name] for name in others]
