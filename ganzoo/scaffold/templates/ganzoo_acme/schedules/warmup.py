"""A learning rate that starts low."""

from ganzoo.api import Fraction, PositiveInt


class Warmup:
    """Rises in a straight line to 1.

    The factor goes from `start` to 1 at `samples`, and stays there.

    Args:
        samples: number of real samples seen by D at which the factor reaches 1.
        start: the factor at the beginning.

    Source: Goyal et al. 2017, arXiv:1706.02677, section 2.2 (gradual warm-up).
    """

    absolute = False

    def __init__(self, *, samples: PositiveInt = 2000, start: Fraction = 0.1) -> None:
        self.samples = samples
        self.start = start

    def __call__(self, samples_seen: int) -> float:
        progress = min(samples_seen / self.samples, 1.0)
        return self.start + (1 - self.start) * progress
