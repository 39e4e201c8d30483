"""The zoo's small classifier over frames, and over what changes from a frame to the next."""

import torch
from ganzoo_zoo.extractors import toy_cnn
from torch import Tensor, nn

from ganzoo.api import DataError

FEATURES = 64
"""Of a frame, and as many of a difference of frames."""


class ToyCNN(nn.Module):
    """Means over a clip of toy-cnn's features of frames, and of differences of frames; 128.

    The first 64 do not see the order of frames; the others see how things move. A difference of
    levels is halved and put around 127.5, so that it is a picture. For `moving-digits` and
    `moving-shapes`, whose objects the classifier knows; on other clips the features are less apt,
    and equal for equal clips.

    Raises:
        DataError: the weights are missing or not of this version; or clips of one frame, or not of
            1 or 3 channels.
    """

    input_shape = None
    num_features = 2 * FEATURES
    layer = "hidden, mean over frames and over differences"
    weights_sha256 = toy_cnn.WEIGHTS_SHA256

    def __init__(self) -> None:
        super().__init__()
        self.network = toy_cnn.ToyCNN()

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, 128) for clips (B, T, C, H, W) in [0, 255]."""
        frames, differences = self.pictures(x)
        return torch.cat([frames.mean(1), differences.mean(1)], 1)

    def pictures(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of frames (B, T, 64), and of differences (B, T - 1, 64).

        Raises:
            DataError: one frame, or not 1 or 3 channels.
        """
        if x.shape[1] < 2 or x.shape[2] not in (1, 3):
            raise DataError(
                f"video/toy-cnn needs clips of 2 frames or more, of 1 or 3 channels, and these "
                f"have {x.shape[1]} frames of {x.shape[2]} channels",
                hint="eval.extractor=null",
            )
        x = x.float()
        changes = (x[:, 1:] - x[:, :-1]) / 2 + 127.5
        return self._features(x), self._features(changes)

    def _features(self, x: Tensor) -> Tensor:
        pictures = toy_cnn.to_input(x.flatten(0, 1))
        features: Tensor = self.network(pictures)
        return features.unflatten(0, x.shape[:2])
