"""A discriminator with one logit per patch of an image."""

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec


class Discriminator(nn.Module):
    """Judges overlapping patches, with one logit each.

    Two strided convolutions, then one logit at every position of the map. Each of the K logits sees
    a patch of 18x18 pixels; losses take the mean over them. The features are the activations after
    each strided convolution.

    Args:
        width: channels after the first convolution; the second has twice as many.

    Raises:
        ValueError: an image of less than 4x4 pixels.

    Source: Isola et al. 2017, arXiv:1611.07004, section 3.2.2, with spectral norm (Miyato et al.
        2018, arXiv:1802.05957) instead of batch norm.
    """

    capabilities = frozenset({"features", "graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 32) -> None:
        super().__init__()
        if min(spec.height, spec.width) < 4:
            raise ValueError(f"patches need images of at least 4x4 pixels, not {spec}")
        channels = spec.channels
        self.halvings = nn.ModuleList()
        for outputs in (width, 2 * width):
            convolution = spectral_norm(nn.Conv2d(channels, outputs, 4, stride=2, padding=1))
            self.halvings.append(nn.Sequential(convolution, nn.LeakyReLU(0.2)))
            channels = outputs
        self.logits = spectral_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Return K logits for each of the images (B, C, H, W) in [-1, 1]."""
        features = []
        for halving in self.halvings:
            x = halving(x)
            features.append(x)
        return DiscriminatorOutput(self.logits(x).flatten(1), tuple(features))
