"""The samples themselves as features."""

from torch import Tensor, nn


class Pixels(nn.Module):
    """The samples themselves, flattened.

    Images and video are scaled to [0, 1]; other samples are unchanged. A Fréchet distance over
    these features only compares means and covariances of pixels, so samples from a Gaussian fitted
    to the pixels score as real. Use it for vectors; no image data set has it as its default.
    """

    input_shape = None
    num_features = None
    layer = "pixels"
    weights_sha256 = None

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, D) for float32 (B, *shape) in stored form."""
        return (x / 255 if x.ndim > 3 else x).flatten(1)
