"""FastGAN: a light generator for few pictures, and a discriminator that decodes what it has seen.

Layout, initial weights and the number of parameters are those of the authors' code (the copy
hugobb/FastGAN-pytorch at 4963d49) with `width` 64: 29,127,846 and 11,526,160 at 256x256. Smaller
images stop at their size. Differences, because a sample here is one image:

    - The authors' G makes a second image of 128x128, by a layer of 192 parameters that is left out
      here. D shrinks its small image from the large one, as it does for real images.
    - Every size ends in tanh, which the authors have at 1024x1024 only.
    - The decoded images are compared by the squared distance, and not by LPIPS, which needs VGG.
    - Below 64x64 the last size of G is excited by the first one, and maps of D that the paper takes
      from 8x8 to 128x128 have the sizes that there are.

Source: Liu et al. 2021, arXiv:2101.04775.
"""

from itertools import pairwise
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, Noise, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm

WIDTHS = (16.0, 8.0, 4.0, 2.0, 2.0, 1.0, 0.5, 0.25, 0.125)
"""Channels of G at 4, 8, 16, ... 1024 pixels, as multiples of `width`."""

DECODED = (2.0, 1.0, 1.0, 0.5)
"""Channels of a decoder at 16, 32, 64 and 128 pixels, as multiples of `width`."""

EXCITED_AFTER = 4
"""Doublings from the map that excites to the one that is excited, in G."""

MAP = 8
"""Smallest side of D's last map; from 16x16 images on it is below twice that."""

MOST_HALVINGS = 5
"""Halvings by blocks; larger images are halved before."""

SMALL = 128
"""Largest side of D's small image: 128 pixels, or half of the image."""


class Generator(nn.Module):
    """FastGAN's generator: one convolution or two a size, and skip-layer excitation.

    The map of one size, four doublings later, multiplies the channels of another. The layers of
    every second size add noise, of a learned strength that starts at 0.

    Args:
        width: channels at 128 pixels; the paper has 64.
        latent_dim: length of z.

    Raises:
        ValueError: not an image of at least 8x8 pixels, or larger than 1024 at its shorter side.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 32, latent_dim: PositiveInt = 256
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.size = (spec.height, spec.width)
        doublings, base, _ = growth(spec)
        if doublings >= len(WIDTHS):
            raise ValueError(f"FastGAN makes images of at most 1024 pixels, not {spec}")
        channels = [max(1, int(width * each)) for each in WIDTHS[: doublings + 1]]

        self.base = nn.Sequential(
            nn.ConvTranspose2d(latent_dim, 2 * channels[0], base, bias=False),
            nn.BatchNorm2d(2 * channels[0]),
            nn.GLU(1),
        )
        self.ups = nn.ModuleList(
            Up(inputs, outputs, layers=2 if level % 2 else 1)
            for level, (inputs, outputs) in enumerate(pairwise(channels), start=1)
        )
        reach = min(EXCITED_AFTER, doublings)
        self.excitations = nn.ModuleDict(
            {
                str(level): Excitation(channels[level - reach], channels[level])
                for level in range(reach, min(doublings, 2 * EXCITED_AFTER - 1) + 1)
            }
        )
        self.reach = reach
        self.image = nn.Conv2d(channels[-1], spec.channels, 3, padding=1, bias=False)
        self.apply(initialise)
        add_spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim)."""
        maps = [self.base(z[:, :, None, None])]
        for level, up in enumerate(self.ups, start=1):
            h = up(maps[-1], noise, f"noise/{level}")
            if str(level) in self.excitations:
                h = self.excitations[str(level)](h, maps[level - self.reach])
            maps.append(h)
        return torch.tanh(centred(self.image(maps[-1]), self.size))


class Up(nn.Module):
    """Nearest neighbours at twice the size, then 3x3 convolutions with batch norm and GLU."""

    def __init__(self, inputs: int, outputs: int, layers: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(each, 2 * outputs, 3, padding=1, bias=False)
            for each in (inputs, outputs)[:layers]
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(2 * outputs) for _ in range(layers))
        noisy = layers > 1
        self.strengths = nn.ParameterList(torch.zeros(1) for _ in range(layers if noisy else 0))

    def forward(self, x: Tensor, noise: Noise, name: str) -> Tensor:
        h = functional.interpolate(x, scale_factor=2)
        for index, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            h = convolution(h)
            if len(self.strengths):
                drawn = noise.normal(f"{name}/{index}", 1, *h.shape[2:]).to(h.dtype)
                h = h + self.strengths[index].to(h.dtype) * drawn
            h = functional.glu(norm(h), 1)
        return h


class Excitation(nn.Module):
    """Skip-layer excitation: a small map multiplies the channels of a large one (section 3.1)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(inputs, outputs, 4, bias=False),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, large: Tensor, small: Tensor) -> Tensor:
        return large * self.layers(small)


class Discriminator(nn.Module):
    """FastGAN's discriminator, with its decoders.

    It judges patches of the image and of a small copy of it: (B, 50) logits from 128x128 on. Three
    decoders draw the image again: from the last map, from a quarter of the map before it, and from
    the small copy's last map. ``extra["reconstruction"]``, (B, 3), has the mean squared distance of
    each to the image, shrunk to the decoder's size; the regularizer `reconstruction` is made of
    it. In row i of a batch the quarter is number i mod 4. Below 16x16 there is no quarter, and it
    is (B, 2).

    Args:
        width: channels of the map of 128 pixels of a 256x256 image; the paper has 64.

    Raises:
        ValueError: not an image of at least 8x8 pixels.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe", "zoo/reconstruction"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 32) -> None:
        super().__init__()
        growth(spec)  # refuses what is no image, or too small
        halvings = halvings_to(MAP, spec.height, spec.width)
        blocks = min(MOST_HALVINGS, halvings)
        self.size = rounded(spec, 2**halvings)
        channels = [max(1, 8 * width // 2 ** (blocks - level)) for level in range(blocks + 1)]

        self.stem = nn.Sequential(*stem(spec.channels, channels[0], halvings - blocks))
        self.downs = nn.ModuleList(Down(*each) for each in pairwise(channels))
        self.excitations = nn.ModuleList(
            Excitation(channels[level], channels[level + 3]) for level in range(max(0, blocks - 2))
        )
        last = channels[-1]
        self.patches = nn.Sequential(
            nn.Conv2d(last, 2 * last, 1, bias=False),
            nn.BatchNorm2d(2 * last),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * last, 1, 4, bias=False),
        )

        self.shrunk = small_size(spec)
        depth = halvings_to(MAP, *self.shrunk)
        step = 2**depth
        self.padded = (step * ceil(self.shrunk[0] / step), step * ceil(self.shrunk[1] / step))
        self.base = (self.padded[0] // step, self.padded[1] // step)
        self.small = nn.Sequential(*small_branch(spec.channels, 4 * width, depth))
        self.small_patches = nn.Conv2d(4 * width, 1, 4, bias=False)

        self.whole_decoder = decoder(last, spec.channels, width, depth)
        self.part_decoder = decoder(channels[-2], spec.channels, width, depth) if blocks else None
        self.small_decoder = decoder(4 * width, spec.channels, width, depth)
        self.apply(initialise)
        add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1]."""
        small = functional.adaptive_avg_pool2d(x, self.shrunk)
        maps = [self.stem(centred(x, self.size))]
        for level, down in enumerate(self.downs, start=1):
            h = down(maps[-1])
            if level >= 3:
                h = self.excitations[level - 3](h, maps[level - 3])
            maps.append(h)
        small_map = self.small(centred(small, self.padded))
        logits = self.patches(maps[-1]), self.small_patches(small_map)

        target = small.detach()
        distances = [
            self.distance(self.whole_decoder, maps[-1], target),
            self.distance(self.small_decoder, small_map, target),
        ]
        if self.part_decoder is not None:
            part = functional.interpolate(quarter(x.detach()), self.shrunk, mode="bilinear")
            distances.append(self.distance(self.part_decoder, quarter(maps[-2]), part))
        return DiscriminatorOutput(
            torch.cat([each.flatten(1) for each in logits], 1),
            extra={"reconstruction": torch.stack(distances, 1)},
        )

    def distance(self, decode: nn.Module, h: Tensor, target: Tensor) -> Tensor:
        """Return the mean squared distance of a decoded map to images, (B,)."""
        drawn = centred(decode(functional.adaptive_avg_pool2d(h, self.base)), self.shrunk)
        return (drawn - target).square().flatten(1).mean(1)


class Down(nn.Module):
    """Half the size: the mean of two convolutions and of a pooled one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *normed(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)),
            *normed(nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)),
        )
        self.direct = nn.Sequential(
            nn.AvgPool2d(2), *normed(nn.Conv2d(inputs, outputs, 1, bias=False))
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.main(x) + self.direct(x)) / 2


def normed(convolution: nn.Conv2d) -> list[nn.Module]:
    """Return a convolution with batch norm and leaky ReLU after it."""
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.LeakyReLU(0.2)]


def stem(inputs: int, outputs: int, halvings: int) -> list[nn.Module]:
    """Return the first layers of D; each of them but the first has batch norm."""
    if not halvings:
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.LeakyReLU(0.2)]
    widths = [max(1, outputs // 2**level) for level in reversed(range(halvings))]
    layers: list[nn.Module] = [nn.Conv2d(inputs, widths[0], 4, 2, 1, bias=False)]
    layers.append(nn.LeakyReLU(0.2))
    for narrow, wide in pairwise(widths):
        layers += normed(nn.Conv2d(narrow, wide, 4, 2, 1, bias=False))
    return layers


def small_branch(inputs: int, outputs: int, halvings: int) -> list[nn.Module]:
    """Return the layers that judge the small image; the first has no batch norm."""
    if not halvings:
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.LeakyReLU(0.2)]
    return stem(inputs, outputs, halvings)


def decoder(inputs: int, outputs: int, width: int, doublings: int) -> nn.Sequential:
    """Return the layers from a map of 8x8 pixels, or so, to an image, 2^doublings as large."""
    channels = [
        inputs,
        *(max(1, int(width * each)) for each in DECODED[len(DECODED) - doublings :]),
    ]
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(channels):
        layers += [
            nn.Upsample(scale_factor=2),
            nn.Conv2d(narrow, 2 * wide, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * wide),
            nn.GLU(1),
        ]
    return nn.Sequential(
        *layers, nn.Conv2d(channels[-1], outputs, 3, padding=1, bias=False), nn.Tanh()
    )


def quarter(x: Tensor) -> Tensor:
    """Return one quarter of each of x (B, C, H, W): of row i the one with number i mod 4.

    The quarters of an odd side overlap by one row or column.
    """
    height, width = ceil(x.shape[2] / 2), ceil(x.shape[3] / 2)
    halves = x[:, :, :height], x[:, :, -height:]
    quarters = torch.stack([part for h in halves for part in (h[..., :width], h[..., -width:])])
    rows = torch.arange(x.shape[0], device=x.device)
    return quarters[rows % 4, rows]


def halvings_to(smallest: int, height: int, width: int) -> int:
    """Return how often a size can be halved so that no side is below `smallest` pixels."""
    halvings = 0
    while min(height, width) >= smallest * 2 ** (halvings + 1):
        halvings += 1
    return halvings


def rounded(spec: SampleSpec, step: int) -> tuple[int, int]:
    """Return the (height, width) of an image, rounded up to multiples of `step`, at least 2."""
    step = max(2, step)
    return step * ceil(spec.height / step), step * ceil(spec.width / step)


def small_size(spec: SampleSpec) -> tuple[int, int]:
    """Return the (height, width) of D's small image."""
    scale = max(2, min(spec.height, spec.width) / SMALL)
    return ceil(spec.height / scale), ceil(spec.width / scale)


def initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and gains of batch norm from N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
