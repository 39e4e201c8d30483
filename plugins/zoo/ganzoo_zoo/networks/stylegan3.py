"""StyleGAN3's generator: alias-free layers over Fourier features, in two configurations.

The authors train it with StyleGAN2's discriminator, `stylegan2`. Layout, initialisation and the
number of parameters are those of their code with channel_base 32768 (16384 for its 256x256 FFHQ)
and channel_max 512; the defaults here are smaller, because every layer works on at least 28x28
pixels. Configuration r has twice these channels.

Differences: modulation scales the activations instead of the weights, and styles are scaled by
their own root mean square, not by that of the batch, which is the same up to rounding. The mean of
w is computed over 4,096 styles of the sampled weights. Magnitudes are tracked in every training
pass of G, not in D's updates only. For r the authors also blur D's input during the first images.

Source: Karras et al. 2021, arXiv:2106.12423, section 3 and appendices C to F.
"""

from itertools import pairwise
from math import ceil, log2, pi, sqrt
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import Fraction, Noise, PositiveFloat, PositiveInt, SampleSpec
from ganzoo.nn import label_classes
from ganzoo_zoo.blocks.alias_free import downsampled, low_pass, upsampled
from ganzoo_zoo.blocks.equalised import EqualisedLinear
from ganzoo_zoo.networks.stylegan2 import STYLES_OF_MEAN, Mapping, activated, demodulation

MARGIN = 10
"""Pixels around the canvas, so that its border is like any other place."""
FIRST_CUTOFF, FIRST_STOPBAND, LAST_STOPBAND = 2.0, 2**2.1, 2**0.3
CRITICAL = 2
"""Last layers without a margin between cutoff and half the rate, for sharp images."""
TAPS = 6
"""Taps of a filter, for each factor of resampling."""
OUTPUT_SCALE = 0.25
CLAMP = 256.0


class Generator(nn.Module):
    """StyleGAN3's generator: translation (t) or translation and rotation (r) equivariant.

    Sines of random frequencies on a canvas, moved and turned by w, then convolutions whose input
    channels are scaled by w. Each leaky ReLU acts at twice the rate, between low-pass filters, so
    that no frequency arises that the pixels cannot hold. There is no tanh: samples are clamped when
    they are stored.

    The sampling parameter `truncation` moves w towards its mean: 1 leaves it, 0 is the mean.

    Args:
        config: ``t`` has 3x3 convolutions; ``r`` has 1x1 convolutions, twice the channels, and
            filters that are the same in all directions.
        channel_base: channels times twice the cutoff at each layer, up to `channel_max`.
        channel_max: most channels of any layer.
        layers: number of convolutions before the one to colours; at least 3.
        latent_dim: length of z, which is scaled to unit root mean square.
        style_dim: length of w, and width of the mapping network.
        mapping_layers: layers of the mapping network.
        mapping_lr_factor: factor on the learning rate of the mapping network; 1 if a parameter
            group for ``mapping.*`` has it.
        magnitude_decay: of the moving mean square of each layer's input, which it is divided by;
            the authors have 0.5 ** (batch_size / 20000).
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: not a square image whose side is a power of two from 8 on; fewer than 3 layers;
            or conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe", "styles", "unbounded"})
    w_mean: Tensor

    def __init__(
        self,
        spec: SampleSpec,
        *,
        config: Literal["t", "r"] = "t",
        channel_base: PositiveInt = 2048,
        channel_max: PositiveInt = 64,
        layers: PositiveInt = 14,
        latent_dim: PositiveInt = 512,
        style_dim: PositiveInt = 512,
        mapping_layers: PositiveInt = 2,
        mapping_lr_factor: PositiveFloat = 0.01,
        magnitude_decay: Fraction = 0.999,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        if not conditional:
            self.capabilities -= {"conditional"}
        side = square_side(spec)
        if layers <= CRITICAL:
            raise ValueError(f"layers: {layers} is too few; at least {CRITICAL + 1}")
        classes = label_classes(spec, conditional)
        more = 2 if config == "r" else 1
        bands = bands_of(side, layers, more * channel_base, more * channel_max)
        bands[-1] = bands[-1]._replace(channels=spec.channels)

        self.mapping = Mapping(latent_dim, classes, style_dim, mapping_layers, mapping_lr_factor)
        self.input = FourierInput(bands[0], style_dim)
        self.layers = nn.ModuleList(
            Layer(
                before,
                after,
                style_dim=style_dim,
                kernel=3 if config == "t" else 1,
                radial=config == "r" and number < layers - CRITICAL,
                decay=magnitude_decay,
            )
            for number, (before, after) in enumerate(pairwise([bands[0], *bands[:-1]]))
        )
        self.image = Layer(bands[-2], bands[-1], style_dim=style_dim, decay=magnitude_decay)
        self.register_buffer("w_mean", torch.zeros(style_dim))

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return w, the same for all layers, (B, layers, style_dim)."""
        w: Tensor = self.mapping(z, y)
        return w[:, None].expand(-1, len(self.layers) + 2, -1)

    def from_styles(self, w: Tensor, *, noise: Noise | None = None) -> Tensor:
        """Return images (B, C, H, W) of styles (B, layers, style_dim); `noise` is not used."""
        x = self.input(w[:, 0])
        for number, layer in enumerate([*self.layers, self.image], 1):
            x = layer(x, w[:, number])
        return OUTPUT_SCALE * x.float()

    def forward(self, z: Tensor, y: Tensor | None = None, *, truncation: Fraction = 1.0) -> Tensor:
        """Return images (B, C, H, W) of latents (B, latent_dim), labels (B,) int64.

        Args:
            truncation: share of w's distance from its mean that is kept.
        """
        w = self.styles(z, y)
        return self.from_styles(self.w_mean.to(w).lerp(w, truncation))

    def prepare_sampling(self, draw: Any) -> None:
        """Compute the mean of w, which `truncation` moves styles to."""
        z, y, _ = draw(STYLES_OF_MEAN)
        self.w_mean.copy_(self.styles(z, y)[:, 0].mean(0))


class Band(NamedTuple):
    """What a layer's output may contain: frequencies are cycles over the canvas."""

    cutoff: float
    half_width: float
    """Of the transition band."""
    rate: int
    """Pixels a side of the canvas."""
    size: int
    """Pixels a side, with the margin."""
    channels: int


def square_side(spec: SampleSpec) -> int:
    """Return the side of a square image, a power of two from 8 on, or raise ValueError."""
    if len(spec.shape) != 3:
        raise ValueError(f"this network makes images, not {spec}")
    side = spec.height
    if side != spec.width or side < 8 or side & (side - 1):
        raise ValueError(
            "StyleGAN3 needs square images whose side is a power of two from 8 on, "
            f"not {spec.height}x{spec.width}"
        )
    return side


def bands_of(side: int, layers: int, base: int, most: int) -> list[Band]:
    """Return the bands of the input and of each layer's output: those of layer i are item i.

    Cutoffs and stop bands grow geometrically; the last layers have those of the image. The first
    convolution keeps the band of the input.
    """
    bands = []
    for number in range(layers + 1):
        share = min(number / (layers - CRITICAL), 1)
        cutoff = FIRST_CUTOFF * (side / 2 / FIRST_CUTOFF) ** share
        stopband = FIRST_STOPBAND * (side / 2 * LAST_STOPBAND / FIRST_STOPBAND) ** share
        rate = 2 ** ceil(log2(min(2 * stopband, side)))
        is_last = number >= layers - 1
        bands.append(
            Band(
                cutoff,
                max(stopband, rate / 2) - cutoff,
                side if is_last else rate,
                side if is_last else rate + 2 * MARGIN,
                max(1, round(min(base / 2 / cutoff, most))),
            )
        )
    return bands


class FourierInput(nn.Module):
    """Sines of fixed random frequencies in the disc of the cutoff, turned and moved by w.

    `transform` is a further turn and shift of the canvas, a 3x3 matrix, for everyone.
    """

    transform: Tensor
    frequencies: Tensor
    phases: Tensor

    def __init__(self, band: Band, style_dim: int) -> None:
        super().__init__()
        self.band, channels = band, band.channels
        angle, radius = 2 * pi * torch.rand(channels), band.cutoff * torch.rand(channels).sqrt()
        frequencies = torch.stack([angle.cos(), angle.sin()], 1) * radius[:, None]
        self.register_buffer("frequencies", frequencies)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))
        self.affine = EqualisedLinear(style_dim, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0]))
        self.weight = nn.Parameter(torch.randn(channels, channels))

    def forward(self, w: Tensor) -> Tensor:
        """Return (B, channels, size, size) of w (B, style_dim)."""
        turn = self.affine(w).float()
        turn = turn / turn[:, :2].norm(dim=1, keepdim=True)
        cos, sin, across, down = turn.unbind(1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        rotation = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1)
        shift = torch.stack([one, zero, -across, zero, one, -down, zero, zero, one], 1)
        matrix = rotation.view(-1, 3, 3) @ shift.view(-1, 3, 3) @ self.transform  # (B, 3, 3)
        phases = self.phases[:, None] + self.frequencies @ matrix[:, :2, 2:]  # (B, channels, 1)
        frequencies = self.frequencies @ matrix[:, :2, :2]  # (B, channels, 2)

        # What the transform moved above the stop band fades out.
        excess = frequencies.norm(dim=2) - self.band.cutoff
        loudness = (1 - excess / (self.band.rate / 2 - self.band.cutoff)).clamp(0, 1)
        size, half = self.band.size, 0.5 * self.band.size / self.band.rate
        centres = ((torch.arange(size, device=w.device) + 0.5) / size * 2 - 1) * half
        places = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), 2)  # x, y
        angles = places.view(1, -1, 2) @ frequencies.transpose(1, 2) + phases.transpose(1, 2)
        waves = torch.sin(2 * pi * angles) * loudness[:, None]  # (B, size * size, channels)
        x = waves @ (self.weight.T / sqrt(self.weight.shape[0]))
        return x.transpose(1, 2).unflatten(2, (size, size))


class Layer(nn.Module):
    """A convolution scaled by a style, then leaky ReLU between two low-pass filters.

    Args:
        kernel: its side; null: the layer to colours, 1x1, neither demodulated nor activated.
        radial: the second filter is the same in all directions.
        decay: of the moving mean square of the input.
    """

    magnitude: Tensor
    rise: Tensor
    fall: Tensor

    def __init__(
        self,
        before: Band,
        after: Band,
        *,
        style_dim: int,
        decay: float,
        kernel: int | None = None,
        radial: bool = False,
    ) -> None:
        super().__init__()
        self.is_image, self.decay, kernel = kernel is None, decay, kernel or 1
        inputs, outputs = before.channels, after.channels
        self.affine = EqualisedLinear(style_dim, inputs, bias_start=1)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("magnitude", torch.ones(()))
        if self.is_image:
            return
        rate = 2 * max(before.rate, after.rate)  # while leaky ReLU acts
        self.up, self.down = rate // before.rate, rate // after.rate
        self.padding = padding_of(before.size, after.size, kernel, self.up, self.down)
        rise = low_pass(TAPS * self.up, before.cutoff, 2 * before.half_width, rate)
        fall = low_pass(TAPS * self.down, after.cutoff, 2 * after.half_width, rate, radial=radial)
        self.register_buffer("rise", rise, persistent=False)
        self.register_buffer("fall", fall, persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return (B, outputs, size', size') of x (B, inputs, size, size) and w (B, style_dim)."""
        if self.training:
            self.magnitude.lerp_(x.detach().float().square().mean(), 1 - self.decay)
        s, scale = self.affine(w).float(), 1 / sqrt(self.weight[0].numel())
        gain = self.magnitude.rsqrt()
        if self.is_image:
            x = x * (s * (scale * gain))[:, :, None, None]
            return functional.conv2d(x, self.weight, self.bias).clamp(-CLAMP, CLAMP)
        weight = self.weight * self.weight.square().mean((1, 2, 3), keepdim=True).rsqrt() * scale
        s = s * s.square().mean(1, keepdim=True).rsqrt()
        x = functional.conv2d(x * (s * gain)[:, :, None, None], weight, padding=weight.shape[2] - 1)
        x = x * demodulation(s, weight)[:, :, None, None] + self.bias[:, None, None]
        x = upsampled(x, self.rise, self.up, self.padding)
        return downsampled(activated(x, 1.0, CLAMP), self.fall, self.down)


def padding_of(before: int, after: int, kernel: int, up: int, down: int) -> tuple[int, int]:
    """Return the zeros before and after an axis (negative: cut off) that lead to size `after`.

    The centre of the canvas stays where it is.
    """
    needed = (after - 1) * down + 1  # before the second filter
    given = (before + kernel - 1) * up
    total = needed - given + TAPS * up + TAPS * down - 2
    low = (total + up) // 2
    return low, total - low
