"""A rise from 0, then a constant or a fall."""

import math
from typing import Literal

from ganzoo.api import NonNegativeFloat, PositiveInt


class WarmUp:
    """Rises linearly from 0 to 1, then stays or falls to `end`.

    Args:
        warm_up_samples: number of real samples seen by D at which the factor is 1.
        decay: what follows: `none`, or a `linear` or `cosine` fall to `end` at `end_samples`.
        end_samples: number of real samples seen by D from which the factor is `end`.
        end: the factor after a fall.

    Raises:
        ValueError: a fall without `end_samples`, or one that ends before the rise does.

    Source: Goyal et al. 2017, arXiv:1706.02677, section 2.2.
    """

    absolute = False

    def __init__(
        self,
        *,
        warm_up_samples: PositiveInt,
        decay: Literal["none", "linear", "cosine"] = "none",
        end_samples: PositiveInt | None = None,
        end: NonNegativeFloat = 0.0,
    ) -> None:
        if decay != "none" and (end_samples is None or end_samples <= warm_up_samples):
            raise ValueError(
                f"decay: {decay} needs end_samples above warm_up_samples ({warm_up_samples})"
            )
        self.warm_up_samples = warm_up_samples
        self.decay = decay
        self.end_samples = end_samples
        self.end = end

    def __call__(self, samples_seen: int) -> float:
        if samples_seen < self.warm_up_samples:
            return samples_seen / self.warm_up_samples
        if self.decay == "none" or self.end_samples is None:
            return 1.0
        way = (samples_seen - self.warm_up_samples) / (self.end_samples - self.warm_up_samples)
        way = min(way, 1.0)
        rest = 1 - way if self.decay == "linear" else (1 + math.cos(math.pi * way)) / 2
        return rest + self.end * (1 - rest)
