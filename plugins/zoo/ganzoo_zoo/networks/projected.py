"""Projected GAN: D judges random projections of the features of a network that is never trained.

The four heads and the random layers have the authors' layout and number of parameters
(autonomousvision/projected-gan at e1c246b): with the features of EfficientNet-lite0 (24, 40, 112
and 320 channels) 10,331,328 in the heads, or 696,512 if separable, and 376,768 random ones.

Source: Sauer et al. 2021, arXiv:2111.01007.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm
from ganzoo_zoo.extractors.inception import Inception
from ganzoo_zoo.extractors.toy_cnn import ToyCNN
from ganzoo_zoo.extractors.vision_transformers import Clip, Dinov2

Extractor = Literal["toy-cnn", "inception", "dinov2", "clip", "random"]
SCALES = 4
HEAD_CHANNELS = {8: 512, 16: 256, 32: 128, 64: 64}
"""Channels of a head at each size, if the first map counts as one of 128 pixels."""


class Discriminator(nn.Module):
    """A head on each of four maps of a frozen network, with a logit for every place.

    The maps are mixed across channels (CCM, 1x1 convolutions), then from the deepest to the first
    across scales (CSM); both are random and never trained. Gradients flow through all of it to the
    image.

    Args:
        extractor: the frozen network, which sees images of the size that it was trained on.
            ``toy-cnn``: ganzoo's small classifier, at 32x32. ``inception``: the network of FID, at
            299x299. ``dinov2`` and ``clip``: vision transformers, whose tokens after each quarter
            of the layers are averaged over 1, 2, 4 and 8 patches each way. ``random``: four
            convolutions with random weights, at the image's own size, a control. The paper has
            EfficientNet-lite0, trained on ImageNet. A score by the same features flatters.
        path: the weights of ``inception``, by default those in the cache, where ``ganzoo fetch
            inception`` puts them; the folder of ``dinov2`` or ``clip``, as the extractor has it.
        width: channels of the first projected map; doubled with each deeper one. The paper has 64.
        separable: depthwise 3x3 convolutions and pooling in the heads, instead of dense 4x4 ones.

    Raises:
        ValueError: neither 1 nor 3 channels, or a side below 16 pixels with ``random``; `path`
            where there are no weights to choose, or none where there must be one.
        DataError: the extractor's weights are missing, or others.
        PluginError: the package transformers is missing, for ``dinov2`` and ``clip``.
    """

    capabilities = frozenset({"batch-coupled", "features", "frozen-parameters", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        extractor: Extractor = "toy-cnn",
        path: Path | None = None,
        width: PositiveInt = 32,
        separable: bool = False,
    ) -> None:
        super().__init__()
        network = maps_of(extractor, path, spec)
        self.projections = Projections(network.channels, width)
        self.network = network.requires_grad_(False).eval()
        self.projections.requires_grad_(False)
        self.heads = nn.ModuleList(
            head(inputs, SCALES - level, width / 64, separable)
            for level, inputs in enumerate(self.projections.outputs)
        )
        for each in self.heads:
            add_spectral_norm(each)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1]; the features are the projected maps."""
        maps = self.projections(self.network(x))
        logits = [each(h).flatten(1) for each, h in zip(self.heads, maps, strict=True)]
        return DiscriminatorOutput(torch.cat(logits, 1), tuple(maps))


class Maps(nn.Module):
    """A frozen network: four maps of an image, each of half the size of the one before."""

    channels: Sequence[int]


def maps_of(extractor: Extractor, path: Path | None, spec: SampleSpec) -> Maps:
    """Return the maps of a network by its name, for images of a kind."""
    if extractor != "random" and spec.channels not in (1, 3):
        raise ValueError(f"{extractor} reads grey or RGB images, not {spec}")
    if extractor == "inception":
        return InceptionMaps(path)
    if extractor in ("toy-cnn", "random"):
        if path is not None:
            raise ValueError(f"{extractor} has one set of weights, and needs no path")
        return ToyMaps() if extractor == "toy-cnn" else RandomMaps(spec)
    if path is None:
        raise ValueError(f"{extractor} needs a path: the folder of the network")
    return TokenMaps(Dinov2(path=path) if extractor == "dinov2" else Clip(path=path))


def resized(x: Tensor, side: int) -> Tensor:
    """Return images (B, 1 or 3, H, W) as (B, 3, side, side)."""
    antialias = max(x.shape[2:]) > side
    x = functional.interpolate(x, (side, side), mode="bilinear", antialias=antialias)
    return x.expand(-1, 3, -1, -1)


class ToyMaps(Maps):
    """The maps of `toy-cnn`'s convolutions: 32, 48, 64 and 96 channels at 16, 8, 4 and 2 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = ToyCNN().convolutions
        self.channels = [layer.out_channels for layer in self.layers]  # type: ignore[misc]

    def forward(self, x: Tensor) -> list[Tensor]:
        h = functional.interpolate(x, (32, 32), mode="bilinear").expand(-1, 3, -1, -1)
        maps = []
        for layer in self.layers:
            h = functional.relu(layer(h))
            maps.append(h)
        return maps


class InceptionMaps(Maps):
    """The last maps of Inception with 71, 35, 17 and 8 pixels."""

    channels = (192, 288, 768, 2048)

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self.extractor = Inception(weights=path)

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.extractor.maps(127.5 * (resized(x, 299) + 1))


class TokenMaps(Maps):
    """A vision transformer's tokens of patches after each quarter of its layers, as maps.

    The first has a place for each patch; the others have the mean of 2, 4 and 8 patches each way.
    """

    def __init__(self, extractor: Dinov2 | Clip) -> None:
        super().__init__()
        self.extractor = extractor
        self.channels = (extractor.token_width,) * SCALES

    def forward(self, x: Tensor) -> list[Tensor]:
        side = self.extractor.input_shape[1]
        maps = self.extractor.token_maps(127.5 * (resized(x, side) + 1), SCALES)
        return [
            functional.adaptive_avg_pool2d(h, max(1, h.shape[2] // 2**level))
            for level, h in enumerate(maps)
        ]


class RandomMaps(Maps):
    """Four convolutions of stride 2 with random weights, which keep the size of the numbers."""

    channels = (32, 64, 128, 256)

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        if min(spec.height, spec.width) < 2**SCALES:
            raise ValueError(f"four halvings need images of at least 16x16 pixels, not {spec}")
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
            for inputs, outputs in pairwise([spec.channels, *self.channels])
        )
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layer in self.layers:
            x = functional.relu(layer(x))
            maps.append(x)
        return maps


class Projections(nn.Module):
    """Cross-channel and cross-scale mixing (section 3.2), with random weights.

    Args:
        channels: of the four maps, the largest map first.
        width: channels of the first map after the cross-channel mixing.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        mixed = [width * 2**level for level in range(len(channels))]
        self.across_channels = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1) for inputs, outputs in zip(channels, mixed, strict=True)
        )
        # The first map keeps its channels; each other one has those of the map that it is added to.
        self.outputs = [mixed[0], *mixed[:-1]]
        self.across_scales = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1)
            for inputs, outputs in zip(mixed, self.outputs, strict=True)
        )
        for layer in (*self.across_channels, *self.across_scales):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return four maps of twice the size of those given, the largest first."""
        mixed = [layer(h) for layer, h in zip(self.across_channels, maps, strict=True)]
        found: list[Tensor] = []
        for level in reversed(range(len(mixed))):
            h = mixed[level]
            if found:
                above = found[-1]
                if above.shape[2:] != h.shape[2:]:  # of an odd size
                    above = functional.interpolate(above, h.shape[2:], mode="bilinear")
                h = h + above
            h = functional.interpolate(h, scale_factor=2, mode="bilinear", align_corners=True)
            found.append(self.across_scales[level](h))
        return found[::-1]


def head(inputs: int, halvings: int, scale: float, separable: bool) -> nn.Sequential:
    """Return the layers from a map to a logit for every place.

    Small maps are halved to 4 pixels at least, so that the last convolution fits.
    """
    sizes = sorted(HEAD_CHANNELS, reverse=True)[-halvings:]
    channels = [inputs, *(max(1, int(scale * HEAD_CHANNELS[size])) for size in sizes)]
    layers = [Halving(*each, separable) for each in pairwise(channels)]
    return nn.Sequential(*layers, Patches(channels[-1]))


class Halving(nn.Module):
    """Half the size, batch norm and leaky ReLU; a map below 8 pixels keeps its size."""

    def __init__(self, inputs: int, outputs: int, separable: bool) -> None:
        super().__init__()
        self.separable = separable
        if separable:
            self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
            self.mix = nn.Conv2d(inputs, outputs, 1, bias=False)
        else:
            self.convolution = nn.Conv2d(inputs, outputs, 4, 2, 1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        small = min(x.shape[2:]) < 8
        if self.separable:
            h = self.mix(self.depthwise(x))
            h = self.norm(h)
            h = functional.leaky_relu(h, 0.2)
            return h if small else functional.avg_pool2d(h, 2)
        if small:  # as if of twice the size, so that the convolution gives back this one
            x = functional.interpolate(x, scale_factor=2)
        return functional.leaky_relu(self.norm(self.convolution(x)), 0.2)


class Patches(nn.Module):
    """A 4x4 convolution to one channel; a map below 4 pixels is padded with zeros."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, 1, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (max(0, 4 - side) for side in x.shape[2:])
        return self.convolution(functional.pad(x, (0, columns, 0, rows)))
