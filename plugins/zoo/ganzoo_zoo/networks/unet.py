"""U-Net: a generator of images from images, and a discriminator with a logit for every pixel.

G is pix2pix's (Isola et al. 2017, arXiv:1611.07004), with the layers and the number of parameters
of junyanz/pytorch-CycleGAN-and-pix2pix at 7891385: 54,413,955 at 256x256.

D is the one of Schönfeld et al. 2020, arXiv:2002.12655, with the number of parameters of the
authors' code (boschresearch/unetgan at 37adcf0) without attention and without a layer that it never
uses: 31,481,602 at 128x128.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, Fraction, Noise, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes
from ganzoo_zoo.blocks.labels import Projection
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm
from ganzoo_zoo.blocks.translation import Norm, as_input, initialise, norm_layer, shape_of_condition

WIDEST = 8
"""No layer has more than this many times `width` channels."""


class Generator(nn.Module):
    """pix2pix's U-Net: from the condition, an image, to the sample.

    Strided convolutions until the shorter side has one pixel, transposed ones back up, each of
    which also gets the map of its size from the way down. The only noise is dropout, in eval mode
    too, as in the paper; z is not used. A condition of another size is resized first. Sides that
    are no power of two are padded with zeros.

    The paper normalises by the statistics of the batch, of one image, at test too. With ``batch``,
    eval mode here has the running statistics; ``instance`` is the same in both modes.

    Args:
        width: channels after the first layer; doubled with each halving, up to eight times.
        dropout: probability by which a value is set to 0 in the inner layers: all from the fifth
            one on, counted from outside, and at least one; never the innermost.
        norm: ``batch``, ``instance`` (without gain and shift) or ``none``.

    Raises:
        ValueError: the condition of the data is no image, or a side is below 2 pixels.
    """

    latent_dim = 1
    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        dropout: Fraction = 0.5,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        given = shape_of_condition(spec)[0]
        self.size, self.dropout = (spec.height, spec.width), dropout
        depth, _, self.full = growth(spec, smallest=1, fewest=3)
        channels = [width * min(2**level, WIDEST) for level in range(depth)]
        self.dropped = range(max(1, min(depth - 2, 4)), depth - 1)
        bias = norm == "instance"

        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, outputs in enumerate(channels):
            inner = level == depth - 1
            inputs = channels[level - 1] if level else given
            down: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
            down.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=bias))
            self.downs.append(
                nn.Sequential(*down, *([] if level == 0 or inner else norm_layer(norm, outputs)))
            )
            back = channels[level - 1] if level else spec.channels
            up = nn.ConvTranspose2d(
                outputs if inner else 2 * outputs, back, 4, 2, 1, bias=bias or level == 0
            )
            self.ups.append(
                nn.Sequential(nn.ReLU(), up, *(norm_layer(norm, back) if level else []))
            )
        self.apply(initialise)

    def forward(self, z: Tensor, y: Tensor, *, noise: Noise) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] for conditions (B, channels, height, width)."""
        h = centred(as_input(y, self.size), self.full)
        maps = []
        for down in self.downs:
            h = down(h)
            maps.append(h)
        for level in reversed(range(len(maps))):
            h = self.ups[level](h)
            if level in self.dropped and self.dropout:
                kept = noise.uniform(f"dropout/{level}", *h.shape[1:]) >= self.dropout
                h = h * kept.to(h.dtype) / max(1 - self.dropout, 1e-6)
            if level:
                h = torch.cat([maps[level - 1], h], 1)
        return torch.tanh(centred(h, self.size))


DEEP = 5
"""Halvings from which the last map of D has 16 times `width` channels."""


class Discriminator(nn.Module):
    """A residual U-Net: one logit for the image and one for every pixel.

    Residual blocks halve the image down to 4 to 7 pixels, where the sum over pixels gives the logit
    of the image. Others double it again, each with the map of its size from the way down beside its
    input, and a 1x1 convolution gives the logits of the pixels. The logits (B, 2 H W) are those of
    the pixels, then that of the image as often, so that both weigh the same. If conditional,
    projection on both. ``extra`` has them apart: ``map`` (B, 1, H, W) and ``whole`` (B,).

    Args:
        width: channels of the first block; doubled with each halving, up to eight times, and 16
            times in the last one from 128x128 on.
        spectral_norm: on all weights but those of the map's last convolution.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: not an image of at least 8x8 pixels; or conditional, and the data has no
            classes.
    """

    capabilities = frozenset({"conditional", "graph-safe", "zoo/pixel-map"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 32,
        spectral_norm: bool = True,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        depth, _, self.full = growth(spec)
        channels = [width * min(2**level, WIDEST) for level in range(depth)]
        if depth >= DEEP:
            channels[-1] = 2 * WIDEST * width

        self.downs = nn.ModuleList(
            DownBlock(inputs, outputs, first=level == 0)
            for level, (inputs, outputs) in enumerate(pairwise([spec.channels, *channels]))
        )
        above = [*channels[-2::-1], width]  # of the maps on the way back, and beside them
        inputs = [channels[-1], *(2 * each for each in above[:-1])]
        self.ups = nn.ModuleList(UpBlock(*each) for each in zip(inputs, above, strict=True))
        self.whole = nn.Linear(channels[-1], 1)
        self.of_whole = Projection(classes, channels[-1]) if classes else None
        self.of_pixels = Projection(classes, width) if classes else None
        self.pixels = nn.Conv2d(width, 1, 1)
        self.apply(orthogonal)
        if spectral_norm:
            for part in (self.downs, self.ups, self.whole, self.of_whole, self.of_pixels):
                if part is not None:
                    add_spectral_norm(part)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = centred(x, self.full)
        maps = []
        for down in self.downs:
            h = down(h)
            maps.append(h)
        summed = functional.relu(h).sum((2, 3))
        whole = self.whole(summed).squeeze(1)
        if self.of_whole is not None:
            whole = whole + self.of_whole(summed, y)
        for up, beside in zip(self.ups, [*maps[-2::-1], None], strict=True):
            h = up(h)
            if beside is not None:
                h = torch.cat([h, beside], 1)
        h = centred(functional.relu(h), self.size)
        pixels = self.pixels(h)
        if self.of_pixels is not None:
            places = h.permute(0, 2, 3, 1).flatten(0, 2)  # (B H W, width)
            labels = None if y is None else y.repeat_interleave(h[0, 0].numel())
            pixels = pixels + self.of_pixels(places, labels).view_as(pixels)
        flat = pixels.flatten(1)
        logits = torch.cat([flat, whole[:, None].expand_as(flat).to(flat.dtype)], 1)
        return DiscriminatorOutput(logits, extra={"map": pixels, "whole": whole})


class DownBlock(nn.Module):
    """BigGAN's residual block, which halves the size; the first one has no ReLU before it."""

    def __init__(self, inputs: int, outputs: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.convolution1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.convolution2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.convolution1(x if self.first else functional.relu(x))
        h = functional.avg_pool2d(self.convolution2(functional.relu(h)), 2)
        if self.first:
            return h + self.shortcut(functional.avg_pool2d(x, 2))
        return h + functional.avg_pool2d(self.shortcut(x), 2)


class UpBlock(nn.Module):
    """BigGAN's residual block of a generator, which doubles the size, without batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.convolution2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        large = functional.interpolate(x, scale_factor=2)
        h = self.convolution1(functional.relu(large))
        h = self.convolution2(functional.relu(h))
        return h + self.shortcut(large)


def orthogonal(module: nn.Module) -> None:
    """Draw orthogonal weights; set biases to 0."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
