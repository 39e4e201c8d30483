"""A generator of upsampling and convolutions."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import Fraction, Noise, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth


class Generator(nn.Module):
    """Nearest-neighbour upsampling and convolutions.

    A linear layer from z to the base, then for each doubling upsampling, a 3x3 convolution, batch
    norm, noise of a learned strength and ReLU, and a tanh at the end. Unlike transposed
    convolutions, a convolution after upsampling overlaps equally at every pixel, so it leaves no
    checkerboard pattern.

    Args:
        width: channels before the image; each smaller size has twice as many.
        latent_dim: length of z.

    Raises:
        ValueError: not an image of at least 8x8 pixels.

    Source: Odena et al. 2016, doi:10.23915/distill.00003; noise: Karras et al. 2019,
        arXiv:1812.04948, section 2.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 32, latent_dim: PositiveInt = 64
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.size = (spec.height, spec.width)
        doublings, self.base, _ = growth(spec)
        channels = [width * 2**power for power in reversed(range(doublings + 1))]

        self.first = nn.Linear(latent_dim, channels[0] * self.base[0] * self.base[1])
        self.doublings = nn.ModuleList(
            nn.Sequential(
                nn.Upsample(scale_factor=2),
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            for inputs, outputs in pairwise(channels)
        )
        self.strengths = nn.Parameter(torch.zeros(doublings))
        self.image = nn.Conv2d(channels[-1], spec.channels, 3, padding=1)

    def forward(
        self, z: Tensor, y: Tensor | None = None, *, noise: Noise, truncation: Fraction = 1.0
    ) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] for latents (B, latent_dim).

        Args:
            noise: the engine's random numbers. A sample gets the same ones in any batch.
            truncation: a sampling parameter, set by `eval.sampling` or `ganzoo sample --set`. It
                scales z: below 1, samples are less varied and more typical.
        """
        h = functional.relu(self.first(truncation * z)).view(z.shape[0], -1, *self.base)
        for index, doubling in enumerate(self.doublings):
            h = doubling(h)
            pixels = noise.normal(f"doubling{index}", 1, *h.shape[2:])  # (B, 1, H, W)
            h = functional.relu(h + self.strengths[index] * pixels)
        return torch.tanh(centred(self.image(h), self.size))
