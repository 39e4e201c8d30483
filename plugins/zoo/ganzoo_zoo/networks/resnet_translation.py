"""Residual generators of images from images: one way, and both ways as CycleGAN needs them.

Layers, initial weights and the number of parameters are those of
junyanz/pytorch-CycleGAN-and-pix2pix at 7891385: 11,378,179 with nine blocks, 7,837,699 with six.

Source: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2, after Johnson et al. 2016,
arXiv:1603.08155.
"""

from math import ceil

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec
from ganzoo.nn import centred
from ganzoo_zoo.blocks.translation import Norm, as_input, initialise, norm_layer, shape_of_condition

HALVINGS = 2
LARGE = 256
"""Height or width from which nine blocks are the default, and not six."""


class Generator(nn.Module):
    """From the condition, an image, to the sample. z is not used: it is a function.

    A 7x7 convolution, two halvings, residual blocks, two doublings, a 7x7 convolution and tanh;
    the image is reflected at its borders. A condition of another size is resized first.

    Args:
        width: channels at full size; doubled with each halving.
        blocks: residual blocks; null means 9 if a side has 256 pixels or more, else 6.
        norm: ``batch``, ``instance`` (without gain and shift) or ``none``.

    Raises:
        ValueError: the condition of the data is no image, or a side is below 5 pixels.
    """

    latent_dim = 1
    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        blocks: PositiveInt | None = None,
        norm: Norm = "instance",
    ) -> None:
        super().__init__()
        given = shape_of_condition(spec)[0]
        size = spec.height, spec.width
        self.network = Translation(given, spec.channels, size, width, blocks, norm)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] for conditions (B, channels, height, width)."""
        return self.network(as_input(y, self.network.size))


class BothWays(nn.Module):
    """CycleGAN's two generators: from (a, b) side by side to (F(b), G(a)) side by side.

    The sample and the condition are two images side by side, one of each kind. z is not used.

    Args:
        width: channels at full size; doubled with each halving.
        blocks: residual blocks; null means 9 if a side has 256 pixels or more, else 6.
        norm: ``batch``, ``instance`` (without gain and shift) or ``none``.

    Raises:
        ValueError: the condition is not of the form of the sample, the width is odd, or a side of
            one image is below 5 pixels.
    """

    latent_dim = 1
    capabilities = frozenset({"conditional", "graph-safe", "zoo/both-ways"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        blocks: PositiveInt | None = None,
        norm: Norm = "instance",
    ) -> None:
        super().__init__()
        if spec.condition is None or spec.condition.shape != spec.shape or spec.width % 2:
            raise ValueError(
                f"the sample and its condition must each be two images side by side, not {spec}"
            )
        size, channels = (spec.height, spec.width // 2), spec.channels
        self.to_a, self.to_b = (
            Translation(channels, channels, size, width, blocks, norm) for _ in "ab"
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, 2 W) in [-1, 1] for conditions of the same form."""
        a, b = y.chunk(2, dim=3)
        return torch.cat([self.to_a(b), self.to_b(a)], 3)


class Translation(nn.Module):
    """A function of images (B, inputs, height, width), with values in [-1, 1]."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: tuple[int, int],
        width: int,
        blocks: int | None,
        norm: Norm,
    ) -> None:
        super().__init__()
        step = 2**HALVINGS
        self.size = size
        self.full = (step * ceil(size[0] / step), step * ceil(size[1] / step))
        if min(self.full) < 2 * step:
            raise ValueError(f"images must have at least {step + 1} pixels at a side, not {size}")
        blocks = blocks or (9 if max(size) >= LARGE else 6)
        bias, inner = norm != "batch", width * step

        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, width, 7, bias=bias)]
        layers += [*norm_layer(norm, width), nn.ReLU()]
        for level in range(HALVINGS):
            narrow = width * 2**level
            layers.append(nn.Conv2d(narrow, 2 * narrow, 3, 2, 1, bias=bias))
            layers += [*norm_layer(norm, 2 * narrow), nn.ReLU()]
        layers += [ResidualBlock(inner, norm) for _ in range(blocks)]
        for level in reversed(range(HALVINGS)):
            narrow = width * 2**level
            layers.append(nn.ConvTranspose2d(2 * narrow, narrow, 3, 2, 1, 1, bias=bias))
            layers += [*norm_layer(norm, narrow), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        return centred(self.layers(centred(x, self.full)), self.size)


class ResidualBlock(nn.Module):
    """x plus two 3x3 convolutions of it; nothing comes after the sum."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for last in (False, True):
            layers.append(nn.ReflectionPad2d(1))
            layers.append(nn.Conv2d(channels, channels, 3, bias=norm != "batch"))
            layers += [*norm_layer(norm, channels), *([] if last else [nn.ReLU()])]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
