"""A plain DCGAN of clips: convolutions over time, height and width.

The one-stream generator of VGAN (Vondrick, Pirsiavash & Torralba 2016, arXiv:1609.02612, section
2.2), with the layout and the initialisation of DCGAN (arXiv:1511.06434).
"""

from itertools import pairwise
from math import ceil
from typing import Literal

import torch
from ganzoo_zoo.blocks.labels import Projection
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes, required_labels

Norm = Literal["batch", "spectral", "none"]


class Generator(nn.Module):
    """Transposed 3-D convolutions with batch norm and ReLU, then tanh.

    Every layer doubles time, height and width; frames and pixels that are too many are cut off. If
    conditional, a learned vector of the label is appended to z.

    Args:
        width: channels before the clip; each smaller size has twice as many.
        latent_dim: length of z; the paper has 100.
        conditional: use the labels; the data must have classes.

    Input: z (B, latent_dim). Output: (B, T, C, H, W) in [-1, 1].

    Raises:
        ValueError: frames below 8x8 pixels; or conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        latent_dim: PositiveInt = 100,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim, self.frames = latent_dim, spec.shape[0]
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        if not classes:
            self.capabilities -= {"conditional"}
        self.labels = nn.Embedding(classes, latent_dim) if classes else None
        doublings, base, _ = growth(frame_of(spec), fewest=2)
        channels = [width * 2**power for power in reversed(range(doublings))]
        first = (ceil(self.frames / 2**doublings), *base)
        inputs = latent_dim * (2 if classes else 1)
        layers: list[nn.Module] = [nn.ConvTranspose3d(inputs, channels[0], first, bias=False)]
        for smaller, larger in pairwise(channels):
            layers += [nn.BatchNorm3d(smaller), nn.ReLU(), _doubling(smaller, larger)]
        layers += [nn.BatchNorm3d(channels[-1]), nn.ReLU(), _doubling(channels[-1], spec.channels)]
        self.layers = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return clips of latents (B, latent_dim) and labels (B,) int64."""
        if self.labels is not None:
            z = torch.cat([z, self.labels(required_labels(y))], 1)
        clips = self.layers(z[:, :, None, None, None])[:, :, : self.frames]
        return torch.tanh(centred(clips, self.size)).transpose(1, 2)


class Discriminator(nn.Module):
    """Strided 3-D convolutions and leaky ReLU: one logit of the whole clip.

    Args:
        width: channels after the first convolution; doubled with every halving.
        norm: ``batch`` as in the paper, on all but the first and the last layer, ``spectral``
            (arXiv:1802.05957) on all, or ``none``.
        conditional: use the labels by projection (arXiv:1802.05637); the data must have classes.

    Input: (B, T, C, H, W). Output: logits (B, 1).

    Raises:
        ValueError: frames below 8x8 pixels; or conditional, and the data has no classes.
    """

    capabilities = frozenset({"batch-coupled", "conditional", "features", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        norm: Norm = "batch",
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        if norm != "batch":
            self.capabilities -= {"batch-coupled"}
        classes = label_classes(spec, conditional)
        self.critic = VideoCritic(spec, width, norm, classes, strided=True)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.critic(x, y)


class VideoCritic(nn.Module):
    """A logit of a clip, (B, 1), by 3-D convolutions of 4x4x4; features after each halving.

    Args:
        width: channels after the first convolution; doubled with every halving.
        classes: of the projection; 0: none.
        strided: halve time as well. Otherwise a convolution sees 4 frames, at every place in time.
    """

    def __init__(
        self, spec: SampleSpec, width: int, norm: Norm, classes: int, *, strided: bool
    ) -> None:
        super().__init__()
        frames = spec.shape[0]
        doublings, base, self.size = growth(frame_of(spec), fewest=2)
        channels = [spec.channels] + [width * 2**power for power in range(doublings)]
        self.halvings = nn.ModuleList()
        for depth, (inputs, outputs) in enumerate(pairwise(channels)):
            kernel, stride, padding = (
                (4, 2, 1) if strided and frames > 1 else (min(4, frames), 1, 0)
            )
            convolution = nn.Conv3d(
                inputs,
                outputs,
                (kernel, 4, 4),
                (stride, 2, 2),
                (padding, 1, 1),
                bias=norm != "batch",
            )
            normed = [nn.BatchNorm3d(outputs)] if norm == "batch" and depth else []
            self.halvings.append(nn.Sequential(convolution, *normed, nn.LeakyReLU(0.2)))
            frames = (frames + 2 * padding - kernel) // stride + 1
        self.logit = nn.Conv3d(channels[-1], 1, (frames, *base), bias=norm != "batch")
        pooled = channels[-1] * frames * base[0] * base[1]
        self.projection = Projection(classes, pooled) if classes else None
        self.apply(initialise)
        if norm != "batch":
            self.apply(_initialise_unnormalised)
        if norm == "spectral":
            for layer in [
                each for each in self.modules() if isinstance(each, nn.Conv3d | Projection)
            ]:
                parametrizations.spectral_norm(layer)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge clips (B, T, C, H, W) in [-1, 1], given labels (B,) int64 if there are classes."""
        h = centred(x.transpose(1, 2), self.size)
        features = []
        for halving in self.halvings:
            h = halving(h)
            features.append(h)
        logits = self.logit(h).flatten(1)
        if self.projection is not None:
            logits = logits + self.projection(h.flatten(1), y)[:, None]
        return DiscriminatorOutput(logits, tuple(features))


def frame_of(spec: SampleSpec) -> SampleSpec:
    """Return the spec of one frame of a clip."""
    return SampleSpec("image", spec.shape[1:], classes=spec.classes)


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose3d:
    """Return a transposed convolution that doubles time, height and width."""
    return nn.ConvTranspose3d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and gains of batch norm from N(1, 0.02); set biases to 0."""
    if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1, 0.02)


def _initialise_unnormalised(module: nn.Module) -> None:
    """Draw weights for leaky ReLU as in He et al. 2015, arXiv:1502.01852."""
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, a=0.2)
