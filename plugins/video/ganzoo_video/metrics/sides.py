"""What metrics of clips are computed of."""

from collections.abc import Iterator

from torch import Tensor

from ganzoo.api import DataError, Evaluated

BLOCK = 128
"""Clips that are read at once."""


def clips_of(metric: str, side: Evaluated) -> Iterator[Tensor]:
    """Yield clips, uint8 (at most `BLOCK`, T, C, H, W).

    Raises:
        DataError: the samples are no clips, or have one frame.
    """
    samples = side.samples
    if samples.dim() != 5 or samples.shape[1] < 2:
        raise DataError(
            f"the metric {metric!r} needs clips of 2 frames or more",
            hint=f"remove {metric} from eval.metrics",
        )
    for first in range(0, len(samples), BLOCK):
        yield samples[first : first + BLOCK]
