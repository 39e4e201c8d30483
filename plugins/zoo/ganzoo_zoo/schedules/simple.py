"""A constant, and an exponential decay."""

from ganzoo.api import NonNegativeFloat, NonNegativeInt, PositiveInt


class Constant:
    """One number at every time.

    Args:
        value: the factor.
        absolute: whether `value` replaces the recipe's value instead of multiplying it.
    """

    def __init__(self, *, value: float = 1.0, absolute: bool = False) -> None:
        self.value = value
        self.absolute = absolute

    def __call__(self, samples_seen: int) -> float:
        return self.value


class Exponential:
    """Halves again and again.

    1 up to `begin_samples`, then 0.5^((samples_seen - begin_samples) / half_life_samples), but at
    least `end`.

    Args:
        half_life_samples: real samples seen by D in which the factor halves.
        begin_samples: number of real samples seen by D from which it falls.
        end: the least factor.
    """

    absolute = False

    def __init__(
        self,
        *,
        half_life_samples: PositiveInt,
        begin_samples: NonNegativeInt = 0,
        end: NonNegativeFloat = 0.0,
    ) -> None:
        self.half_life_samples = half_life_samples
        self.begin_samples = begin_samples
        self.end = end

    def __call__(self, samples_seen: int) -> float:
        past = max(samples_seen - self.begin_samples, 0)
        return max(0.5 ** (past / self.half_life_samples), self.end)
