"""SpecGAN: a DCGAN without normalisation on log-magnitude spectrograms (arXiv:1802.04208)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from ganzoo.api import PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes, required_labels
from ganzoo_audio.networks.start import initialise


class Generator(nn.Module):
    """A linear layer, then transposed convolutions of 5x5 and stride 2; no normalisation.

    The first layer has 4 to 7 rows or columns on its shorter side. Channels halve from layer to
    layer, down to `width`. With `width` 64, spectrograms of 128x128 and a `latent_dim` of 100 it
    has as many parameters as WaveGAN.

    Args:
        latent_dim: numbers in z.
        width: channels of the layer before the last.
        conditional: add a learned vector for each class to z.

    Input: z (B, latent_dim). Output: (B, C, bins, frames) in [-1, 1].

    Source: Donahue et al. 2018, arXiv:1802.04208, table 5.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        latent_dim: PositiveInt = 100,
        width: PositiveInt = 64,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        doublings, self.base, _ = growth(spec)
        self.latent_dim, self.size = latent_dim, (spec.height, spec.width)
        channels = [*(width << power for power in reversed(range(doublings))), spec.channels]
        classes = label_classes(spec, conditional)
        self.classes = nn.Embedding(classes, latent_dim) if classes else None
        self.linear = nn.Linear(latent_dim, channels[0] * self.base[0] * self.base[1])
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(*each, 5, 2, padding=2, output_padding=1)
            for each in pairwise(channels)
        )
        self.apply(initialise)
        if not classes:
            self.capabilities -= {"conditional"}

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.classes is not None:
            z = z + self.classes(required_labels(y)).to(z.dtype)
        x = self.linear(z).unflatten(1, (-1, *self.base))
        for layer in self.layers:
            x = layer(relu(x))
        return torch.tanh(centred(x, self.size))


class Discriminator(nn.Module):
    """Convolutions of 5x5 and stride 2 with leaky ReLU, a linear layer.

    Args:
        width: channels of the first layer.
        conditional: add the inner product of the last layer and a learned vector for each class
            (projection, arXiv:1802.05637).

    Input: x (B, C, bins, frames). Output: (B,).

    Source: Donahue et al. 2018, arXiv:1802.04208, table 6.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 64, conditional: bool = False
    ) -> None:
        super().__init__()
        doublings, base, self.size = growth(spec)
        channels = [spec.channels, *(width << power for power in range(doublings))]
        self.layers = nn.ModuleList(
            nn.Conv2d(*each, 5, 2, padding=2) for each in pairwise(channels)
        )
        size = channels[-1] * base[0] * base[1]
        self.linear = nn.Linear(size, 1)
        classes = label_classes(spec, conditional)
        self.classes = nn.Embedding(classes, size) if classes else None
        self.apply(initialise)
        if not classes:
            self.capabilities -= {"conditional"}

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = centred(x, self.size)
        for layer in self.layers:
            x = leaky_relu(layer(x), 0.2)
        x = x.flatten(1)
        logits = self.linear(x)[:, 0]
        if self.classes is not None:
            logits = logits + (self.classes(required_labels(y)).to(x.dtype) * x).sum(1)
        return logits
