"""Whether generated objects move by the law of the data, which is known."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo_video.metrics.sides import clips_of
from ganzoo_video.trajectories import Array, Law

FAINT = 16
"""Levels below this count as black: a generator's black is not exactly 0."""


class Laws:
    """Kolmogorov-Smirnov distances of start, speed and direction to the exact law; 0 is best.

    For `moving-digits` and `moving-shapes` alone. An object is where the centre of mass of a
    frame's levels is. `law_start` is the mean of the distances of the first centre's x and y;
    `law_speed` that of the median length of a step; `law_direction` that of the first step's angle.
    In a black frame an object is at no place: a clip with one counts as wrong in speed, and in what
    is measured at that frame. `…_held_out` is that of
    real clips of the split ``test``, whose distance is chance alone: about 0.9 / sqrt(clips).

    Raises:
        DataError: the samples are no clips of square frames.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        result = {}
        for ending, side in (("", fake), ("_held_out", real.held_out(fake))):
            if side is not None:
                result |= {f"law_{name}{ending}": far for name, far in distances(side).items()}
        return result


def distances(side: Evaluated) -> dict[str, float]:
    """Return the distances of start, speed and direction to the law of clips of that shape."""
    centres = np.concatenate(list(_centres(side)))
    frames, height, width = (side.samples.shape[each] for each in (1, 3, 4))
    if height != width:
        raise DataError(f"the metric 'laws' is for square frames, not {height}x{width}")
    law = Law(width, frames)
    steps = np.diff(centres, axis=1)
    lengths = np.hypot(steps[..., 0], steps[..., 1])
    angles = np.arctan2(steps[:, 0, 1], steps[:, 0, 0])
    starts = [kolmogorov_smirnov(centres[:, 0, axis], law.room) for axis in (0, 1)]
    return {
        "start": sum(starts) / 2,
        "speed": kolmogorov_smirnov(np.median(lengths, 1), law.speeds),
        "direction": kolmogorov_smirnov(angles, (-np.pi, np.pi)),
    }


def _centres(side: Evaluated) -> Iterator[Array]:
    for clips in clips_of("laws", side):
        yield centres_of_mass(clips).numpy()


def centres_of_mass(clips: Tensor) -> Tensor:
    """Return where objects are in each frame, float64 (B, T, 2) as (x, y); NaN in a black frame.

    Args:
        clips: uint8 (B, T, C, H, W).
    """
    levels = clips.double()
    mass = torch.where(clips < FAINT, 0.0, levels).sum(2)  # (B, T, H, W)
    total = mass.sum((2, 3))
    across, down = (torch.arange(mass.shape[axis]).double() + 0.5 for axis in (3, 2))
    return torch.stack([mass.sum(2) @ across / total, mass.sum(3) @ down / total], 2)


def kolmogorov_smirnov(values: Array, bounds: tuple[float, float]) -> float:
    """Return the largest distance of the distribution of values (N,) to the uniform one.

    NaN counts as beyond every value.
    """
    low, high = bounds
    below = np.sort(((values - low) / (high - low)).clip(0, 1))
    below = below[~np.isnan(below)]
    count, places = len(values), np.arange(len(below))
    found = np.maximum(below - places / count, (places + 1) / count - below)
    missing = 1 - len(below) / count
    return float(max(found.max(initial=0.0), missing))
