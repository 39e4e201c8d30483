"""R3GAN: residual blocks of grouped convolutions, without norms, styles or noise.

Layout, initialisation and the number of parameters are those of the authors' code (brownvc/R3GAN at
19a7ddf). Its presets:

    ==========================  ========================================================
    preset                      parameters of both networks
    ==========================  ========================================================
    CIFAR10, FFHQ-64, FFHQ-256  width 768
    ImageNet-32                 width 1536, channels_per_group 32
    ImageNet-64                 widths [1536, 1536, 1536, 1536, 1536], channels_per_group 32
    ==========================  ========================================================

The default width is a quarter of the first, for small images. Images of other sizes grow from a
base of 4 to 7 pixels.

Source: Huang et al. 2024, arXiv:2501.05441.
"""

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes, required_labels

BLOCK_LAYERS = 3
"""Convolutions in a residual block, the m of fix-up initialisation."""

FULL_STAGES = 4
"""Stages that have `width` channels, from the smallest on; each further one has half as many."""


class Generator(nn.Module):
    """R3GAN's generator. Its samples are not bounded: the last layer is linear.

    A learned map for each channel times a linear function of z, then a stage for each size. From
    one stage to the next the image is doubled with the filter [1, 3, 3, 1].

    Args:
        width: channels of the first four stages; each further one has half as many.
        widths: channels of every stage, from the smallest one; overrides `width`.
        blocks: residual blocks in a stage.
        expansion: channels inside of a block, as a multiple of those around it.
        channels_per_group: of the 3x3 convolutions, inside of a block.
        latent_dim: length of z.
        label_dim: length of the label's embedding, which is concatenated with z.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: another number of `widths` than the image has stages; a width that is not a
            whole number of groups; not an image of at least 8x8 pixels; or conditional, and the
            data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe", "unbounded"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 192,
        widths: tuple[PositiveInt, ...] | None = None,
        blocks: PositiveInt = 2,
        expansion: PositiveInt = 2,
        channels_per_group: PositiveInt = 16,
        latent_dim: PositiveInt = 64,
        label_dim: PositiveInt = 64,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        doublings, base, _ = growth(spec)
        channels = stage_widths(width, widths, doublings + 1)

        self.label = labels_to(classes, label_dim) if classes else None
        self.linear = nn.Linear(latent_dim + (label_dim if classes else 0), channels[0], bias=False)
        self.basis = nn.Parameter(torch.randn(channels[0], *base))
        self.widen = nn.ModuleList(change(*each) for each in pairwise(channels))
        self.stages = nn.ModuleList(
            stage(each, blocks, expansion, channels_per_group, total=blocks * len(channels))
            for each in channels
        )
        self.image = nn.Conv2d(channels[-1], spec.channels, 1, bias=False)
        for layer in (self.linear, self.image):
            scaled_normal(layer.weight)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) of latents (B, latent_dim), labels (B,) int64."""
        if self.label is not None:
            z = torch.cat([z, self.label(required_labels(y)).to(z.dtype)], 1)
        h = self.stages[0](self.linear(z)[:, :, None, None] * self.basis)
        for widen, blocks in zip(self.widen, self.stages[1:], strict=True):
            h = blocks(doubled(widen(h)))
        return centred(self.image(h), self.size).to(torch.float32)


class Discriminator(nn.Module):
    """R3GAN's discriminator, which mirrors the generator.

    After the last stage a depthwise convolution covers the whole map, and a linear layer gives the
    logit; if conditional, it gives a vector, whose inner product with the label's is the logit. The
    features are the outputs of the stages.

    Args:
        width: channels of the last four stages; each larger one has half as many.
        widths: channels of every stage, from the smallest one; overrides `width`.
        blocks: residual blocks in a stage.
        expansion: channels inside of a block, as a multiple of those around it.
        channels_per_group: of the 3x3 convolutions, inside of a block.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: as the generator's.
    """

    capabilities = frozenset({"conditional", "features", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 192,
        widths: tuple[PositiveInt, ...] | None = None,
        blocks: PositiveInt = 2,
        expansion: PositiveInt = 2,
        channels_per_group: PositiveInt = 16,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        classes = label_classes(spec, conditional)
        doublings, base, self.size = growth(spec)
        channels = stage_widths(width, widths, doublings + 1)[::-1]

        self.image = nn.Conv2d(spec.channels, channels[0], 1, bias=False)
        self.stages = nn.ModuleList(
            stage(each, blocks, expansion, channels_per_group, total=blocks * len(channels))
            for each in channels
        )
        self.widen = nn.ModuleList(change(*each) for each in pairwise(channels))
        last = channels[-1]
        self.basis = nn.Conv2d(last, last, base, groups=last, bias=False)
        self.linear = nn.Linear(last, last if classes else 1, bias=False)
        self.label = labels_to(classes, last, gain=1 / sqrt(last)) if classes else None
        for layer in (self.image, self.basis, self.linear):
            scaled_normal(layer.weight)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = self.stages[0](self.image(centred(x, self.size)))
        features = [h]
        for widen, blocks in zip(self.widen, self.stages[1:], strict=True):
            h = blocks(widen(halved(h)))
            features.append(h)
        logits = self.linear(self.basis(h).flatten(1))
        if self.label is not None:
            logits = logits * self.label(required_labels(y)).to(logits.dtype)
        return DiscriminatorOutput(logits.sum(1), tuple(features))


class ResidualBlock(nn.Module):
    """x + c3(act(c2(act(c1(x))))): 1x1 to wide, 3x3 in groups, 1x1 back.

    The last convolution starts at 0, so a new block is the identity. The first two start with a
    gain of sqrt(2 / (1 + 0.2^2)) L^(-1 / (2 m - 2)), for L blocks of m layers (Fixup; Zhang et al.
    2019, arXiv:1901.09321).
    """

    def __init__(self, channels: int, inner: int, groups: int, total: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, inner, 1, bias=False)
        self.grouped = nn.Conv2d(inner, inner, 3, padding=1, groups=groups, bias=False)
        self.project = nn.Conv2d(inner, channels, 1, bias=False)
        self.bias1 = nn.Parameter(torch.zeros(inner))
        self.bias2 = nn.Parameter(torch.zeros(inner))
        gain = sqrt(2 / (1 + 0.2**2)) * total ** (-1 / (2 * BLOCK_LAYERS - 2))
        scaled_normal(self.expand.weight, gain)
        scaled_normal(self.grouped.weight, gain)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = activated(self.expand(x), self.bias1)
        return x + self.project(activated(self.grouped(h), self.bias2))


def activated(x: Tensor, bias: Tensor) -> Tensor:
    """Return leaky ReLU of x (B, C, H, W) plus a bias (C,), without a gain."""
    return functional.leaky_relu(x + bias.to(x.dtype)[:, None, None], 0.2)


def stage(
    channels: int, blocks: int, expansion: int, channels_per_group: int, total: int
) -> nn.Sequential:
    """Return the blocks of one size. `total` counts the blocks of the whole network."""
    inner = expansion * channels
    groups, left = divmod(inner, channels_per_group)
    if left:
        raise ValueError(
            f"channels_per_group: {channels_per_group} does not divide the {inner} channels of a "
            f"block: width {channels}, expansion {expansion}"
        )
    return nn.Sequential(*(ResidualBlock(channels, inner, groups, total) for _ in range(blocks)))


def stage_widths(width: int, widths: tuple[int, ...] | None, stages: int) -> list[int]:
    """Return the channels of each stage, from the smallest on."""
    if widths is None:
        return [max(1, width // 2 ** max(0, each + 1 - FULL_STAGES)) for each in range(stages)]
    if len(widths) != stages:
        raise ValueError(f"widths: {len(widths)} are given, and this image has {stages} stages")
    return list(widths)


def change(inputs: int, outputs: int) -> nn.Module:
    """Return a 1x1 convolution between stages of different widths, else nothing."""
    if inputs == outputs:
        return nn.Identity()
    convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
    scaled_normal(convolution.weight)
    return convolution


def labels_to(classes: int, dimension: int, gain: float = 1.0) -> nn.Embedding:
    """Return a linear map of one-hot labels, as a table of its columns."""
    table = nn.Embedding(classes, dimension)
    nn.init.normal_(table.weight, 0, gain / sqrt(classes))
    return table


def scaled_normal(weight: Tensor, gain: float = 1.0) -> None:
    """Draw a weight (out, in, ...) from N(0, gain^2 / fan_in)."""
    nn.init.normal_(weight, 0, gain / sqrt(weight[0].numel()))


def filter_of(x: Tensor) -> Tensor:
    """Return [1, 3, 3, 1] times itself, with sum 1, for each channel of x: (C, 1, 4, 4)."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device, dtype=x.dtype) / 8
    return (row[:, None] * row).expand(x.shape[1], 1, 4, 4)


def doubled(x: Tensor) -> Tensor:
    """Return x (B, C, H, W) at twice the size; zeros are around it."""
    kernel = 4 * filter_of(x)
    return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def halved(x: Tensor) -> Tensor:
    """Return x (B, C, H, W) at half the size; zeros are around it."""
    return functional.conv2d(x, filter_of(x), stride=2, padding=1, groups=x.shape[1])
