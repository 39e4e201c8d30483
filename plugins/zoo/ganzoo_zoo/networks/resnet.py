"""SNGAN's residual networks.

Source: Miyato et al. 2018, arXiv:1802.05957, appendix B; conditional as in Miyato & Koyama 2018,
arXiv:1802.05637 (cGAN-PD). Layout, bilinear upsampling, initialisation and the number of parameters
are those of `mimicry`, with these settings:

    ====  =============================  =======================================================
    size  generator                      discriminator
    ====  =============================  =======================================================
    32    width 256 (default)            width 128 (default)
    48    width 64, max_width 512        width 64, max_width 1024, blocks 5, downsamplings 5
    64    width 64, max_width 1024       width 64, max_width 1024, downsamplings 5
    128   width 64, max_width 1024       width 64, max_width 1024, downsamplings 5
    ====  =============================  =======================================================

One difference: no ReLU here works in place. In other projects the first ReLU of a block of D
overwrites the block's input, so the shortcut carries relu(x) instead of the paper's x. The number
of parameters is the same, the function is not.
"""

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d, Projection
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm


class Generator(nn.Module):
    """SNGAN's residual generator.

    A linear layer from z to the base, one residual block per doubling, then batch norm, ReLU, a
    3x3 convolution and tanh. If conditional, the blocks' batch norms take their gain and shift from
    the label; the last batch norm does not.

    Args:
        width: channels at full size.
        max_width: each smaller size has twice as many channels, up to this; null: all have `width`.
        spectral_norm: on all convolutions and the first layer, as in SAGAN (arXiv:1805.08318).
        latent_dim: length of z.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: max_width below width; not an image of at least 8x8 pixels; or conditional, and
            the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 256,
        max_width: PositiveInt | None = None,
        latent_dim: PositiveInt = 128,
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        doublings, base, _ = growth(spec)
        channels = widths(width, max_width, doublings + 1)[::-1]

        self.base_shape = (channels[0], *base)
        self.base = nn.Linear(latent_dim, channels[0] * base[0] * base[1])
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, classes) for inputs, outputs in pairwise(channels)
        )
        self.norm = nn.BatchNorm2d(width)
        self.image = convolution(width, spec.channels, 3)
        nn.init.xavier_uniform_(self.base.weight)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim), labels (B,) int64."""
        h = self.base(z).unflatten(1, self.base_shape)
        for block in self.blocks:
            h = block(h, y)
        h = self.image(functional.relu(self.norm(h)))
        return torch.tanh(centred(h, self.size))


class Discriminator(nn.Module):
    """SNGAN's residual discriminator, with optional spectral norm and projection.

    Residual blocks, of which the first ones halve the size, then ReLU, a sum over pixels and a
    linear layer. If conditional, projection on the sum. The features are the outputs of the blocks
    and the sum.

    Args:
        width: channels after the first block.
        max_width: each further block has twice as many channels, up to this; null: all have
            `width`.
        blocks: null means one more than the generator has doublings.
        downsamplings: number of blocks that halve the size, from the first one on; null means as
            many as leave 8 to 15 pixels, and at least one.
        spectral_norm: on all weights.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: max_width below width; more downsamplings than blocks, or than the image
            allows; not an image of at least 8x8 pixels; or conditional, and the data has no
            classes.
    """

    capabilities = frozenset({"conditional", "features", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 128,
        max_width: PositiveInt | None = None,
        blocks: PositiveInt | None = None,
        downsamplings: PositiveInt | None = None,
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        classes = label_classes(spec, conditional)
        doublings, _, self.size = growth(spec)
        blocks = blocks or doublings + 1
        downsamplings = downsamplings or max(1, doublings - 1)
        if downsamplings > blocks or 2**downsamplings > min(self.size):
            raise ValueError(
                f"downsamplings: {downsamplings} is too many for {blocks} blocks on {spec}"
            )

        channels = [spec.channels, *widths(width, max_width, blocks)]
        self.blocks = nn.ModuleList(
            DownBlock(inputs, outputs, halve=depth < downsamplings, first=depth == 0)
            for depth, (inputs, outputs) in enumerate(pairwise(channels))
        )
        self.logit = nn.Linear(channels[-1], 1)
        nn.init.xavier_uniform_(self.logit.weight)
        self.projection = Projection(classes, channels[-1]) if classes else None
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = centred(x, self.size)
        features = []
        for block in self.blocks:
            h = block(h)
            features.append(h)
        h = functional.relu(h).sum(dim=(2, 3))
        logits = self.logit(h).squeeze(1)
        if self.projection is not None:
            logits = logits + self.projection(h, y)
        return DiscriminatorOutput(logits, (*features, h))


class UpBlock(nn.Module):
    """Double the size: norm, ReLU, upsampling and two convolutions, plus a 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.norm1 = ConditionalBatchNorm2d(inputs, classes)
        self.convolution1 = convolution(inputs, outputs, 3, gain=sqrt(2))
        self.norm2 = ConditionalBatchNorm2d(outputs, classes)
        self.convolution2 = convolution(outputs, outputs, 3, gain=sqrt(2))
        self.shortcut = convolution(inputs, outputs, 1)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        h = self.convolution1(doubled(functional.relu(self.norm1(x, y))))
        h = self.convolution2(functional.relu(self.norm2(h, y)))
        return h + self.shortcut(doubled(x))


class DownBlock(nn.Module):
    """Halve or keep the size: ReLU and convolution twice, plus a shortcut.

    The shortcut is a 1x1 convolution if the size or the channels change. The first block of D has
    no ReLU before its first convolution, because its input is an image, and its shortcut pools
    before the 1x1 convolution instead of after it.
    """

    def __init__(self, inputs: int, outputs: int, *, halve: bool, first: bool) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        hidden = outputs if first else inputs
        self.convolution1 = convolution(inputs, hidden, 3, gain=sqrt(2))
        self.convolution2 = convolution(hidden, outputs, 3, gain=sqrt(2))
        self.shortcut = (
            convolution(inputs, outputs, 1) if halve or inputs != outputs else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.convolution1(x if self.first else functional.relu(x))
        h = self.convolution2(functional.relu(h))
        if not self.halve:
            return h + self.shortcut(x)
        if self.first:
            return halved(h) + self.shortcut(halved(x))
        return halved(h) + halved(self.shortcut(x))


def widths(width: int, max_width: int | None, levels: int) -> list[int]:
    """Return the number of channels at `levels` sizes, the full size first."""
    if max_width is not None and max_width < width:
        raise ValueError(f"max_width: {max_width} is below width: {width}")
    return [min(width * 2**level, max_width or width) for level in range(levels)]


def convolution(inputs: int, outputs: int, size: int, gain: float = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size, with Xavier-uniform weights of this gain."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    nn.init.xavier_uniform_(layer.weight, gain)
    return layer


def doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def halved(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 2)
