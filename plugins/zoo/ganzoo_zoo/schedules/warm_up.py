"""A rise from 0, then a constant or a fall."""

import math
from typing import Literal

from ganzoo.api import NonNegativeFloat, PositiveInt


class WarmUp:
    """Rises linearly from 0 to 1, then stays, or falls to `end`.

    Args:
        warm_up_samples: number of real samples seen by D at which the factor is 1.
        end_samples: number of real samples seen by D from which the factor is `end`; null: it
            stays at 1.
        end: the factor after the fall.
        fall: shape of the fall, `linear` or half a `cosine`.

    Raises:
        ValueError: `end_samples` is not above `warm_up_samples`.

    Source: Goyal et al. 2017, arXiv:1706.02677, section 2.2.
    """

    absolute = False

    def __init__(
        self,
        *,
        warm_up_samples: PositiveInt,
        end_samples: PositiveInt | None = None,
        end: NonNegativeFloat = 0.0,
        fall: Literal["cosine", "linear"] = "cosine",
    ) -> None:
        if end_samples is not None and end_samples <= warm_up_samples:
            raise ValueError(
                f"end_samples ({end_samples}) must be above warm_up_samples ({warm_up_samples})"
            )
        self.warm_up_samples = warm_up_samples
        self.end_samples = end_samples
        self.end = end
        self.fall = fall

    def __call__(self, samples_seen: int) -> float:
        if samples_seen < self.warm_up_samples:
            return samples_seen / self.warm_up_samples
        if self.end_samples is None:
            return 1.0
        way = (samples_seen - self.warm_up_samples) / (self.end_samples - self.warm_up_samples)
        way = min(way, 1.0)
        rest = 1 - way if self.fall == "linear" else (1 + math.cos(math.pi * way)) / 2
        return rest + self.end * (1 - rest)
