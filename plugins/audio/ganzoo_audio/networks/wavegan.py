"""WaveGAN: DCGAN with one axis, long filters and phase shuffle (arXiv:1802.04208)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from ganzoo.api import NonNegativeInt, PositiveInt, SampleSpec
from ganzoo.nn import label_classes, required_labels
from ganzoo_audio.networks.start import initialise

KERNEL, STRIDE = 25, 4
SHORTEST = 16
"""Least length of G's first layer, in samples; each of the following has four times as many."""


class Generator(nn.Module):
    """A linear layer, then transposed convolutions of 25 samples and stride 4; no normalisation.

    The first layer has 16 to 63 samples, each of the following four times as many: 16 become 16,384
    in five steps, 32 become 2,048 in three. Channels halve from layer to layer, down to `width`.
    Where the last layer is longer than a clip, it is cropped. Weights start as for ReLU (He et al.
    2015, arXiv:1502.01852). With `width` 64, clips of 16,384 samples and a `latent_dim` of 100
    these are the paper's 19 million parameters.

    Args:
        latent_dim: numbers in z.
        width: channels of the layer before the last.
        conditional: add a learned vector for each class to z.

    Input: z (B, latent_dim). Output: (B, C, T) in [-1, 1].

    Source: Donahue et al. 2018, arXiv:1802.04208, table 3.
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
        self.latent_dim, self.length = latent_dim, spec.shape[1]
        base, channels = sizes_of(spec, width)
        channels.reverse()
        classes = label_classes(spec, conditional)
        self.classes = nn.Embedding(classes, latent_dim) if classes else None
        self.linear = nn.Linear(latent_dim, channels[0] * base)
        # (T - 1) 4 - 2 * 11 + 25 + 1 = 4 T
        self.layers = nn.ModuleList(
            nn.ConvTranspose1d(*each, KERNEL, STRIDE, padding=11, output_padding=1)
            for each in pairwise(channels)
        )
        self.apply(initialise)
        if not classes:
            self.capabilities -= {"conditional"}

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.classes is not None:
            z = z + self.classes(required_labels(y)).to(z.dtype)
        x = self.linear(z).unflatten(1, (self.layers[0].in_channels, -1))
        for layer in self.layers:
            x = layer(relu(x))
        return torch.tanh(x[..., : self.length])


class Discriminator(nn.Module):
    """Convolutions of 25 samples and stride 4 with leaky ReLU, phase shuffle, a linear layer.

    In training each layer but the last is shifted in time by up to `shuffle` samples, another
    number for each clip, so that D cannot tell generated clips by the phase of their artefacts. The
    paper's code shifts all clips of a batch together; in eval mode nothing is shifted.

    Args:
        width: channels of the first layer.
        shuffle: largest shift of phase shuffle, in samples; the paper's n.
        conditional: add the inner product of the last layer and a learned vector for each class
            (projection, arXiv:1802.05637).

    Input: x (B, C, T). Output: (B,).

    Source: Donahue et al. 2018, arXiv:1802.04208, table 4 and section 3.3.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        shuffle: NonNegativeInt = 2,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        base, channels = sizes_of(spec, width)
        self.length, self.shuffle = base * STRIDE ** (len(channels) - 1), shuffle
        self.layers = nn.ModuleList(
            nn.Conv1d(*each, KERNEL, STRIDE, padding=11) for each in pairwise(channels)
        )
        size = channels[-1] * base
        self.linear = nn.Linear(size, 1)
        classes = label_classes(spec, conditional)
        self.classes = nn.Embedding(classes, size) if classes else None
        self.apply(initialise)
        if not classes:
            self.capabilities -= {"conditional"}

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = nn.functional.pad(x, (0, self.length - x.shape[2]))
        for depth, layer in enumerate(self.layers, 1):
            x = leaky_relu(layer(x), 0.2)
            if self.training and self.shuffle and depth < len(self.layers):
                x = phase_shuffle(x, self.shuffle)
        x = x.flatten(1)
        logits = self.linear(x)[:, 0]
        if self.classes is not None:
            logits = logits + (self.classes(required_labels(y)).to(x.dtype) * x).sum(1)
        return logits


def sizes_of(spec: SampleSpec, width: int) -> tuple[int, list[int]]:
    """Return the length of the innermost layer, and the channels from a clip down to it."""
    channels, length = spec.shape
    depth = 1
    while SHORTEST * STRIDE ** (depth + 1) <= length:
        depth += 1
    return -(-length // STRIDE**depth), [channels, *(width << power for power in range(depth))]


def phase_shuffle(x: Tensor, most: int) -> Tensor:
    """Return x (B, C, T), each clip shifted by its own whole number of up to `most` samples.

    Ends are mirrored. The shift is a sum over all shifts with weights 0 and 1, because gathering
    has no deterministic gradient on GPUs.
    """
    most = min(most, x.shape[2] - 1)
    left, right = x[..., 1 : most + 1].flip(2), x[..., -most - 1 : -1].flip(2)
    padded, count = torch.cat([left, x, right], 2), 2 * most + 1
    shift = (torch.rand(len(x), 1, device=x.device) * count).long().clamp(max=count - 1)
    chosen = (shift == torch.arange(count, device=x.device)).to(x.dtype)  # (B, shifts)
    windows = padded.unfold(2, x.shape[2], 1)  # (B, C, shifts, T)
    return torch.einsum("bs,bcst->bct", chosen, windows)
