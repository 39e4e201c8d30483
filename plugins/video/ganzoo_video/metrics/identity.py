"""Whether an object stays the same from the first frame to the last."""

from collections.abc import Mapping

import torch
from ganzoo_zoo.extractors.toy_cnn import ToyCNN, to_input
from torch import Tensor
from torch.nn import functional

from ganzoo.api import Evaluated
from ganzoo_video.metrics.laws import centres_of_mass
from ganzoo_video.metrics.sides import clips_of
from ganzoo_video.trajectories import OBJECT

INPUT = 32
"""Height and width of toy-cnn's pictures."""


class Identity:
    """Share of frames whose object has the class of most frames of its clip; 1 is best.

    For objects on black, as in `moving-digits` and `moving-shapes`: what is around the centre of
    mass is cut out and classified by toy-cnn. `identity_held_out` is that of real clips of the
    split ``test``: the classifier errs. A still clip scores 1, so read it beside other numbers.

    Raises:
        DataError: the samples are no clips of 2 frames or more.
    """

    def __init__(self) -> None:
        self.network = ToyCNN()

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        result = {"identity": self._share(fake)}
        if (other := real.held_out(fake)) is not None:
            result["identity_held_out"] = self._share(other)
        return result

    def _share(self, side: Evaluated) -> float:
        shares = []
        with torch.inference_mode():
            for clips in clips_of("identity", side):
                pictures = to_input(cut_out(clips).flatten(0, 1))
                logits = self.network.class_logits(self.network(pictures))
                found = logits.argmax(1).view(clips.shape[:2])
                most = found.mode(1, keepdim=True).values
                shares.append((found == most).double().mean(1))
        return torch.cat(shares).mean().item()


def cut_out(clips: Tensor) -> Tensor:
    """Return what is around the centre of mass in each frame, float32 (B, T, C, 32, 32).

    Args:
        clips: uint8 (B, T, C, H, W); an object has 3/8 of their height.
    """
    height, width = clips.shape[-2:]
    centres = centres_of_mass(clips).nan_to_num(0.0).float().flatten(0, 1)
    size = torch.tensor([width, height])
    places = torch.zeros(len(centres), 2, 3)
    places[:, 0, 0], places[:, 1, 1] = OBJECT * height / width, OBJECT
    places[:, :, 2] = 2 * centres / size - 1
    frames = clips.float().flatten(0, 1)
    grid = functional.affine_grid(places, [*frames.shape[:2], INPUT, INPUT], align_corners=False)
    return functional.grid_sample(frames, grid, align_corners=False).unflatten(0, clips.shape[:2])
