"""Schedules over the number of real images that D has seen."""

import math

from ganzoo.api import NonNegativeInt, PositiveInt


class Linear:
    """A straight line from `start` at `begin_images` to `end` at `end_images`; constant outside.

    Args:
        end_images: images seen from which on the result is `end`, exactly.
        start: the factor until `begin_images`.
        end: the factor from `end_images` on.
        absolute: the results are the scheduled values themselves; otherwise they multiply the
            recipe's value.

    Raises:
        ValueError: `end_images` is not above `begin_images`.
    """

    def __init__(
        self,
        *,
        end_images: PositiveInt,
        start: float = 1.0,
        end: float = 0.0,
        begin_images: NonNegativeInt = 0,
        absolute: bool = False,
    ) -> None:
        _check_order(begin_images, end_images)
        self.start, self.end = start, end
        self.begin_images, self.end_images = begin_images, end_images
        self.absolute = absolute

    def __call__(self, images_seen: int) -> float:
        weight = 1 - _progress(images_seen, self.begin_images, self.end_images)
        return self.start * weight + self.end * (1 - weight)


class Cosine:
    """Half a cosine from `start` at `begin_images` to `end` at `end_images`; constant outside.

    Parameters and errors are those of `Linear`.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    def __init__(
        self,
        *,
        end_images: PositiveInt,
        start: float = 1.0,
        end: float = 0.0,
        begin_images: NonNegativeInt = 0,
        absolute: bool = False,
    ) -> None:
        _check_order(begin_images, end_images)
        self.start, self.end = start, end
        self.begin_images, self.end_images = begin_images, end_images
        self.absolute = absolute

    def __call__(self, images_seen: int) -> float:
        progress = _progress(images_seen, self.begin_images, self.end_images)
        weight = (1 + math.cos(math.pi * progress)) / 2
        return self.start * weight + self.end * (1 - weight)


def _check_order(begin_images: int, end_images: int) -> None:
    if end_images <= begin_images:
        raise ValueError(f"end_images ({end_images}) must be above begin_images ({begin_images})")


def _progress(images_seen: int, begin_images: int, end_images: int) -> float:
    """Return how far `images_seen` is from begin to end, in [0, 1]."""
    progress = (images_seen - begin_images) / (end_images - begin_images)
    return min(max(progress, 0.0), 1.0)
