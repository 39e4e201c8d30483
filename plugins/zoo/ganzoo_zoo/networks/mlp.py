"""Multilayer perceptrons, for points in the plane and for small images.

Source: Goodfellow et al. 2014, arXiv:1406.2661, with leaky ReLU throughout.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, NonNegativeInt, PositiveFloat, PositiveInt, SampleSpec
from ganzoo.nn import label_classes, required_labels
from ganzoo_zoo.blocks.labels import Projection
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm


class Generator(nn.Module):
    """Multilayer perceptron for points and small images.

    `depth` hidden layers of `width` units, then a tanh unless the samples are vectors. If
    conditional, a learned vector per label is appended to z (Mirza & Osindero 2014,
    arXiv:1411.1784).

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers.
        latent_dim: length of z; a label's vector has the same length.
        batch_norm: after each hidden layer.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe", "unbounded"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 128,
        depth: PositiveInt = 3,
        latent_dim: PositiveInt = 64,
        batch_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.model_shape = spec.model_shape
        self.bounded = spec.kind.value_range is not None
        if not conditional:
            self.capabilities -= {"conditional"}
        if self.bounded:
            self.capabilities -= {"unbounded"}

        classes = label_classes(spec, conditional)
        self.embedding = nn.Embedding(classes, latent_dim) if classes else None
        inputs = 2 * latent_dim if classes else latent_dim
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers.append(nn.Linear(inputs, width, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.LeakyReLU(0.2))
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(width, spec.size))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return samples (B, *model_shape) of latents (B, latent_dim) and labels (B,) int64."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(required_labels(y))], dim=1)
        x = self.layers(z).unflatten(1, self.model_shape)
        return torch.tanh(x) if self.bounded else x


class Discriminator(nn.Module):
    """Multilayer perceptron for points and small images.

    `depth` hidden layers of `width` units, without batch norm; projection if conditional. The
    features are the hidden layers.

    With `fourier` n, the first layer also gets sin(b_i x) and cos(b_i x) of the flattened sample x
    for n fixed directions b_i, whose numbers are drawn from N(0, (2 pi fourier_scale)^2). D can
    then tell apart points that are much closer than the extent of the data (Tancik et al. 2020,
    arXiv:2006.10739, section 5).

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers.
        fourier: number of random Fourier features, a sine and a cosine each.
        fourier_scale: standard deviation of their frequencies, in cycles per unit of x.
        spectral_norm: on all layers (Miyato et al. 2018, arXiv:1802.05957).
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "features", "graph-safe"})
    frequencies: Tensor | None

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 128,
        depth: PositiveInt = 3,
        fourier: NonNegativeInt = 0,
        fourier_scale: PositiveFloat = 1.0,
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        self.register_buffer("frequencies", None)
        if fourier:
            frequencies = 2 * math.pi * fourier_scale * torch.randn(spec.size, fourier)
            self.register_buffer("frequencies", frequencies)
        sizes = [spec.size + 2 * fourier] + [width] * depth
        self.hidden = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(0.2))
            for inputs, outputs in pairwise(sizes)
        )
        self.logit = nn.Linear(width, 1)
        classes = label_classes(spec, conditional)
        self.projection = Projection(classes, width) if classes else None
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge samples (B, *model_shape), given labels (B,) int64 if conditional."""
        h = x.flatten(1)
        if self.frequencies is not None:
            angles = h @ self.frequencies  # (B, fourier)
            h = torch.cat([h, angles.sin(), angles.cos()], dim=1)
        features = []
        for layer in self.hidden:
            h = layer(h)
            features.append(h)
        logits = self.logit(h).squeeze(1)
        if self.projection is not None:
            logits = logits + self.projection(h, y)
        return DiscriminatorOutput(logits, tuple(features))
