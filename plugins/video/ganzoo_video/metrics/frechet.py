"""Fréchet distances of pictures of clips: of frames, and of differences of frames."""

from collections.abc import Mapping

import torch

from ganzoo.api import Evaluated
from ganzoo.nn import Moments, frechet_distance
from ganzoo_video.extractors.toy_cnn import ToyCNN
from ganzoo_video.metrics.sides import clips_of


class Frechet:
    """Fréchet distance of single frames, and of differences of neighbouring frames.

    Each frame of each clip is a sample, described by toy-cnn. `fd_frames` does not see motion: real
    frames in any order score as real clips. `fd_differences` compares the pictures of what changes
    from a frame to the next. `…_held_out` is that of real clips of the split ``test``, which a
    perfect generator reaches, unless they are the reference. Lower is better.

    Source of the distance: Heusel et al. 2017, arXiv:1706.08500.

    Raises:
        DataError: the samples are no clips of 2 frames or more, of 1 or 3 channels.
    """

    def __init__(self) -> None:
        self.network = ToyCNN()

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        reference = self._moments(real)
        result = {}
        for ending, side in (("", fake), ("_held_out", real.held_out())):
            if side is None:
                continue
            for name, true, other in zip(
                ("frames", "differences"), reference, self._moments(side), strict=True
            ):
                result[f"fd_{name}{ending}"] = frechet_distance(true, other)
        return result

    def _moments(self, side: Evaluated) -> list[Moments]:
        """Return the moments of the features of frames and of differences."""
        with torch.inference_mode():
            pairs = [self.network.pictures(clips) for clips in clips_of("frechet", side)]
        return [
            Moments.of_blocks(features.flatten(0, 1) for features in each)
            for each in zip(*pairs, strict=True)
        ]
