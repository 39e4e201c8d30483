"""ProGAN: networks that grow from 4x4 to the image, faded in by one number.

With `channel_max` 512, the layout is that of the paper's table 2: 512 channels up to 32x32, then
half as many with each doubling; for CIFAR-10 the paper has 128 everywhere, the default here. The
number of parameters is that of `pytorch_GAN_zoo`.

Both networks work at the full size from the start. `level` is the number of doublings that are
faded in: at 0, G makes 4x4 images of large pixels, and D averages its input to 4x4; at 1.5, they
are half way from 8x8 to 16x16. A recipe schedules it with ``stairs`` for both networks:

    schedules:
      generator.level: {use: stairs, levels: 3, stable_samples: 400000, fade_samples: 400000}
      discriminator.level: {use: stairs, levels: 3, stable_samples: 400000, fade_samples: 400000}

Layers of levels above are computed and have gradients of 0, so the first levels train no faster
than the last one. Differences from the authors' training: real images are not blended with their
averages while a level fades in, and Adam keeps its moments.

Source: Karras et al. 2018, arXiv:1710.10196.
"""

from itertools import pairwise
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import (
    DiscriminatorOutput,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    SampleSpec,
)
from ganzoo.nn import centred, growth
from ganzoo_zoo.blocks.equalised import EqualisedConv2d, EqualisedLinear, unit_norm
from ganzoo_zoo.blocks.minibatch_stddev import MinibatchStddev


class Generator(nn.Module):
    """ProGAN's generator.

    A linear layer and a 3x3 convolution, then for each doubling nearest-neighbour upsampling and
    two 3x3 convolutions, each with leaky ReLU and pixel norm. Every size has a 1x1 convolution to
    an image; `level` decides which of them are shown. There is no tanh: samples are clamped when
    they are stored.

    Args:
        channel_base: channels times height at each size, up to `channel_max`.
        channel_max: most channels at any size; 512 in the paper.
        latent_dim: length of z, which is scaled to unit root mean square.
        level: number of doublings that are faded in; can be scheduled. null: all.

    Raises:
        ValueError: not an image of at least 8x8 pixels; or `level` is above the number of
            doublings.
    """

    capabilities = frozenset({"graph-safe", "unbounded"})
    level: Tensor

    def __init__(
        self,
        spec: SampleSpec,
        *,
        channel_base: PositiveInt = 16384,
        channel_max: PositiveInt = 128,
        latent_dim: PositiveInt = 512,
        level: NonNegativeFloat | None = None,
    ) -> None:
        super().__init__()
        self.latent_dim, self.size = latent_dim, (spec.height, spec.width)
        doublings, base, _ = growth(spec)
        channels = widths(channel_base, channel_max, doublings + 1)
        self.base_shape = (channels[0], *base)
        self.base = EqualisedLinear(latent_dim, channels[0] * base[0] * base[1], gain=sqrt(2) / 4)
        self.convolution = convolution(channels[0], channels[0])
        self.blocks = nn.ModuleList(
            nn.ModuleList([convolution(inputs, outputs), convolution(outputs, outputs)])
            for inputs, outputs in pairwise(channels)
        )
        self.images = nn.ModuleList(EqualisedConv2d(each, spec.channels, 1) for each in channels)
        self.register_buffer("level", first_level(level, doublings))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) of latents (B, latent_dim); y is ignored."""
        h = normalised(self.base(unit_norm(z)).unflatten(1, self.base_shape))
        h = normalised(self.convolution(h))
        image = self.images[0](h)
        layers: Any = zip(self.blocks, self.images[1:], strict=True)
        for below, (block, to_image) in enumerate(layers):
            h = doubled(h)
            for layer in block:
                h = normalised(layer(h))
            image = faded(doubled(image), to_image(h), self.level - below)
        return centred(image, self.size)


class Discriminator(nn.Module):
    """ProGAN's discriminator.

    Two 3x3 convolutions and 2x2 averaging for each halving, then the standard deviation over groups
    of samples, a convolution and two linear layers. Every size has a 1x1 convolution from an image
    that is averaged to it; `level` decides where the image enters. The features are the outputs of
    the halvings, each mixed with the image of its size, and the last hidden layer.

    Args:
        channel_base: channels times height at each size, up to `channel_max`.
        channel_max: most channels at any size; 512 in the paper.
        minibatch_stddev: number of consecutive samples whose standard deviation is a channel before
            the last convolution; the batch must be a multiple of it. 0: no such channel.
        level: number of doublings that are faded in; can be scheduled. null: all.

    Raises:
        ValueError: not an image of at least 8x8 pixels; or `level` is above the number of
            doublings.
    """

    capabilities = frozenset({"features", "graph-safe"})
    level: Tensor

    def __init__(
        self,
        spec: SampleSpec,
        *,
        channel_base: PositiveInt = 16384,
        channel_max: PositiveInt = 128,
        minibatch_stddev: NonNegativeInt = 4,
        level: NonNegativeFloat | None = None,
    ) -> None:
        super().__init__()
        self.batch_multiple = minibatch_stddev or 1
        doublings, base, self.size = growth(spec)
        channels = widths(channel_base, channel_max, doublings + 1)[::-1]
        last = channels[-1]
        self.images = nn.ModuleList(
            EqualisedConv2d(spec.channels, each, 1, gain=sqrt(2)) for each in channels
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList([convolution(inputs, inputs), convolution(inputs, outputs)])
            for inputs, outputs in pairwise(channels)
        )
        self.stddev = MinibatchStddev(minibatch_stddev) if minibatch_stddev else None
        self.convolution = convolution(last + bool(minibatch_stddev), last)
        self.hidden = EqualisedLinear(last * base[0] * base[1], last, gain=sqrt(2))
        self.logit = EqualisedLinear(last, 1)
        self.register_buffer("level", first_level(level, doublings))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1]; y is ignored."""
        image = centred(x, self.size)
        h = leaky(self.images[0](image))
        features = []
        layers: Any = zip(self.blocks, self.images[1:], strict=True)
        for depth, (block, from_image) in enumerate(layers):
            for layer in block:
                h = leaky(layer(h))
            image = halved(image)
            below = len(self.blocks) - 1 - depth  # the level of this size
            h = faded(leaky(from_image(image)), halved(h), self.level - below)
            features.append(h)
        h = leaky(self.convolution(h if self.stddev is None else self.stddev(h)))
        h = leaky(self.hidden(h.flatten(1)))
        return DiscriminatorOutput(self.logit(h).squeeze(1), (*features, h))


def faded(old: Tensor, new: Tensor, share: Tensor) -> Tensor:
    """Return `old` where `share` is 0 or less, `new` where it is 1 or more, a mixture between."""
    return torch.lerp(old, new, share.clamp(0, 1).to(old.dtype))


def first_level(level: float | None, doublings: int) -> Tensor:
    """Return the level as a buffer: all doublings if it is None."""
    if level is not None and level > doublings:
        raise ValueError(f"level: {level} is above the {doublings} doublings of this image")
    return torch.tensor(float(doublings if level is None else level))


def widths(base: int, most: int, levels: int) -> list[int]:
    """Return the channels at `levels` sizes, the smallest first, which counts as 4x4."""
    return [max(1, min(base // 2 ** (2 + level), most)) for level in range(levels)]


def convolution(inputs: int, outputs: int) -> EqualisedConv2d:
    return EqualisedConv2d(inputs, outputs, 3, gain=sqrt(2))


def leaky(x: Tensor) -> Tensor:
    """Return leaky ReLU; the weights' scale has its gain."""
    return functional.leaky_relu(x, 0.2)


def normalised(x: Tensor) -> Tensor:
    return unit_norm(leaky(x))


def doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def halved(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 2)
