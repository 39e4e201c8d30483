"""A learning rate that starts low."""

from ganzoo.api import Fraction, PositiveInt


class Warmup:
    """A factor that rises in a straight line from `start` to 1 at `images`, and stays there.

    Args:
        images: real images shown to D until the factor is 1.
        start: the factor before the first image.
    Source: Goyal et al. 2017, arXiv:1706.02677, section 2.2 (gradual warm-up).
    """

    absolute = False

    def __init__(self, *, images: PositiveInt = 2000, start: Fraction = 0.1) -> None:
        self.images = images
        self.start = start

    def __call__(self, samples_seen: int) -> float:
        progress = min(samples_seen / self.images, 1.0)
        return self.start + (1 - self.start) * progress
