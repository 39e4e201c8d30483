"""The samples themselves as features: for points in the plane, and as a contrast to a network."""

from torch import Tensor, nn


class Pixels(nn.Module):
    """Flattened samples: images and video in [0, 1], vectors as they are.

    A Fréchet distance over these features sees means and covariances of pixels and nothing else:
    samples of a Gaussian fitted to the pixels pass for real. So use it for data that is made of
    vectors; no image data set names it.
    """

    input_shape = None
    num_features = None
    layer = "pixels"
    weights_sha256 = None

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, D) for float32 (B, *shape) in stored form."""
        return (x / 255 if x.ndim > 3 else x).flatten(1)
