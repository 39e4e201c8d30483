"""A schedule that rises level by level, for networks that grow."""

from ganzoo.api import NonNegativeInt, PositiveInt


class Stairs:
    """Rise from 0 to `levels`: stay on each whole number for a while, then go to the next.

    The results replace the recipe's value.

    Args:
        levels: the last value.
        stable_samples: real samples seen by D on each level before it rises.
        fade_samples: real samples seen by D while it rises by 1, in a straight line.

    Source: ProGAN's transitions, Karras et al. 2018, arXiv:1710.10196, section 3 and appendix A.
    """

    absolute = True

    def __init__(
        self, *, levels: PositiveInt, stable_samples: NonNegativeInt, fade_samples: PositiveInt
    ) -> None:
        self.levels = levels
        self.stable_samples, self.fade_samples = stable_samples, fade_samples

    def __call__(self, samples_seen: int) -> float:
        level, within = divmod(samples_seen, self.stable_samples + self.fade_samples)
        risen = max(0, within - self.stable_samples) / self.fade_samples
        return float(min(level + risen, self.levels))
