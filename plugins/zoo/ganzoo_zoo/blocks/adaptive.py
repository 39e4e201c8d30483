"""A probability that follows how much D overfits, by the sign of its real logits."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class AdaptiveProbability(nn.Module):
    """p += sign(r - target) · samples / speed_samples after every `interval` updates of D.

    r is the mean sign of D's logits of real samples over these updates: 0 for a D that cannot tell
    real from generated samples, 1 for one that is sure of all real ones. p stays in [0, 1]. Without
    a target p is constant. Everything is a tensor, so that nothing waits for a GPU.

    Source: Karras et al. 2020, arXiv:2006.06676, section 3.

    Args:
        p: the first p.
        target: of r; None keeps p as it is.
        interval: updates of D from one change of p to the next.
        speed_samples: real samples in which p rises from 0 to 1.
    """

    p: Tensor
    updates: Tensor
    samples: Tensor
    signs: Tensor

    def __init__(self, p: float, target: float | None, interval: int, speed_samples: int) -> None:
        super().__init__()
        self.target = target
        self.interval = interval
        self.speed_samples = speed_samples
        self.register_buffer("p", torch.tensor(float(p)))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_buffer("samples", torch.zeros((), dtype=torch.float64))
        self.register_buffer("signs", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, sign: Tensor, samples: Tensor | float) -> None:
        """Take in one update of D.

        Args:
            sign: mean sign of the real logits, (), over all processes.
            samples: how many of them there were.
        """
        if self.target is None:
            return
        self.updates += 1
        self.samples += samples
        self.signs += sign.to(self.signs) * samples
        due = self.updates == self.interval
        r = self.signs / self.samples.clamp(min=1)
        step = (r - self.target).sign() * self.samples / self.speed_samples
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        for total in (self.updates, self.samples, self.signs):
            total.copy_(torch.where(due, 0, total))

    def observe(self, statistics: Mapping[str, Any]) -> None:
        """Take in what an augmentation observes after an update of D."""
        self.update(statistics["real_logits_sign"], statistics["samples"])
