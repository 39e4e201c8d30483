"""BigGAN-deep: bottleneck blocks, two per size, and the whole of z in every norm.

Stages have as many channels as in the paper at 128 pixels, and as in BigGAN-PyTorch elsewhere.
There are as many parameters as in BigGAN-PyTorch and StudioGAN. No ReLU works in place: see
`resnet`.

Source: Brock et al. 2018, arXiv:1809.11096, appendix B.
"""

from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, NonNegativeInt, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes, required_labels
from ganzoo_zoo.blocks.attention import attended, attention_after
from ganzoo_zoo.blocks.class_norm import (
    EPS,
    LinearBatchNorm2d,
    orthogonal,
    use_standing_statistics,
)
from ganzoo_zoo.blocks.heads import EVERY_WORD, Head, Heads, SelfSupervision, outputs_of
from ganzoo_zoo.blocks.labels import Projection
from ganzoo_zoo.blocks.residual import halved
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm

SN_EPS = 1e-6
ATTENTION = 64
"""Pixels of the largest map that gets attention by default."""

UP = {4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1), 6: (16, 16, 8, 8, 4, 2, 1)}
"""Doublings → factors of `width` in G, from the base on; fewer doublings: 4 everywhere."""
DOWN = {4: (1, 2, 4, 8, 16), 5: (1, 2, 4, 8, 16, 16), 6: (1, 2, 4, 8, 8, 16, 16)}
"""Doublings → factors of `width` in D, from the first convolution on."""

Shortcut = Literal["channels", "convolution"]


class Generator(nn.Module):
    """BigGAN-deep's generator: two bottleneck blocks per size, the second of which doubles it.

    The label's embedding and z together feed the linear layer to the base and gain and shift of all
    batch norms in the blocks. Batch norm's statistics are computed again before sampling.

    Args:
        width: the paper has 128.
        latent_dim: length of z.
        class_dim: length of the label's embedding.
        attention: pixels of the map (its shorter side) that gets self-attention; 0: none; null: the
            largest of up to 64 pixels that is smaller than the image.
        shortcut: `channels` passes on as many of the first channels as the block returns, as in the
            paper; `convolution` is a 1x1 convolution, as in StudioGAN's own variant.
        standing_batches: batches of 64 for batch norm's statistics at sampling; 0: the running
            averages of training.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: no block ends at `attention` pixels; not an image of at least 8x8 pixels; more
            than 6 doublings; or conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 128,
        latent_dim: PositiveInt = 128,
        class_dim: PositiveInt = 128,
        attention: NonNegativeInt | None = None,
        shortcut: Shortcut = "channels",
        standing_batches: NonNegativeInt = 16,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        classes = label_classes(spec, conditional)
        if not conditional:
            self.capabilities -= {"conditional"}
        doublings, base, full = growth(spec)
        channels = [width * factor for factor in factors(UP, doublings, 4)]
        sizes = [(base[0] << step, base[1] << step) for step in range(1, doublings + 1)]
        self.standing_batches = standing_batches
        self.size, self.base_shape = (spec.height, spec.width), (channels[0], *base)

        condition = latent_dim + (class_dim if classes else 0)
        self.embedding = nn.Embedding(classes, class_dim) if classes else None
        self.base = nn.Linear(condition, channels[0] * base[0] * base[1])
        self.blocks = nn.ModuleList()
        for step in range(doublings):
            inputs, outputs = channels[step : step + 2]
            self.blocks.append(UpBlock(inputs, inputs, condition, shortcut, double=False))
            self.blocks.append(UpBlock(inputs, outputs, condition, shortcut, double=True))
        self.attended = attended(attention, sizes, min(ATTENTION, min(full) // 2))
        self.attention = attention_after(self.attended, channels[1:])
        self.norm = nn.BatchNorm2d(channels[-1], eps=EPS)
        self.image = nn.Conv2d(channels[-1], spec.channels, 3, padding=1)
        orthogonal(self)
        add_spectral_norm(self, SN_EPS)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim), labels (B,) int64."""
        condition = z
        if self.embedding is not None:
            condition = torch.cat([self.embedding(required_labels(y)), z], 1)
        h = self.base(condition).unflatten(1, self.base_shape)
        for depth, block in enumerate(self.blocks):
            h = block(h, condition)
            if self.attended is not None and depth == 2 * self.attended + 1:
                h = self.attention(h)
        h = self.image(functional.relu(self.norm(h)))
        return torch.tanh(centred(h, self.size))

    def prepare_sampling(self, draw: Any) -> None:
        """Compute batch norm's statistics again."""
        use_standing_statistics(self, draw, self.standing_batches)


class Discriminator(nn.Module):
    """BigGAN-deep's discriminator: two bottleneck blocks per size, the first of which halves it.

    A 3x3 convolution, the blocks (the last two keep the size), self-attention after the first pair
    of a size, then ReLU, a sum over pixels and a linear layer. If conditional, projection on the
    sum. The features are the outputs of the pairs of blocks (before attention) and the sum.

    Args:
        width: the paper has 128.
        attention: pixels of the map (its shorter side) that gets self-attention, after the first
            pair with that size; 0: none; null: the largest of up to 64 pixels.
        shortcut: `channels` adds the channels that a block has more by a 1x1 convolution, as in the
            paper; `convolution` replaces all of them, as in StudioGAN's own variant.
        conditional: use the labels by projection; the data must have classes. Without effect with
            another `head`.
        head: how D uses classes: `projection` if conditional; `classifier` (AC-GAN),
            `twin-classifier` (TAC-GAN) or `discriminative-classifier` (ADC-GAN); `embedding`
            (ContraGAN, ReACGAN); `multi-hinge` (MHGAN).
        self_supervision: an additional head: `rotation` (SSGAN) or `infomax` (InfoMax-GAN).
        embedding_dim: length of the vectors of `embedding` and `infomax`; null means 512 and 1024.

    Raises:
        ValueError: no block ends at `attention` pixels; not an image of at least 8x8 pixels; more
            than 6 doublings; conditional or a class head, and the data has no classes; or
            `rotation` of images that are not square.
    """

    capabilities = frozenset(
        {
            "class-logits",
            "conditional",
            "features",
            "graph-safe",
            "zoo/discriminative-class-logits",
            "zoo/embedding",
            "zoo/infomax",
            "zoo/multi-hinge",
            "zoo/rotation",
            "zoo/twin-class-logits",
        }
    )

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 128,
        attention: NonNegativeInt | None = None,
        shortcut: Shortcut = "channels",
        conditional: bool = False,
        head: Head = "projection",
        self_supervision: SelfSupervision = "none",
        embedding_dim: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        classes = label_classes(spec, conditional and head == "projection")
        doublings, _, self.size = growth(spec)
        halvings = doublings if doublings in DOWN else max(1, doublings - 1)
        stem = 1 if shortcut == "convolution" else 4
        channels = [width * each for each in factors(DOWN, doublings, 4, first=stem)]
        sizes = [
            (self.size[0] >> min(step, halvings), self.size[1] >> min(step, halvings))
            for step in range(1, len(channels))
        ]

        self.stem = nn.Conv2d(spec.channels, channels[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for step in range(len(channels) - 1):
            inputs, outputs = channels[step : step + 2]
            self.blocks.append(DownBlock(inputs, outputs, shortcut, halve=step < halvings))
            self.blocks.append(DownBlock(outputs, outputs, shortcut, halve=False))
        self.attended = attended(attention, sizes, ATTENTION)
        self.attention = attention_after(self.attended, channels[1:])
        self.logit = nn.Linear(channels[-1], outputs_of(head, spec))
        self.projection = Projection(classes, channels[-1]) if classes else None
        self.heads = Heads(
            spec,
            channels[-1],
            channels[-2],
            head=head,
            self_supervision=self_supervision,
            embedding_dim=embedding_dim,
        )
        self.capabilities = self.capabilities - EVERY_WORD | self.heads.capabilities
        if not classes:
            self.capabilities -= {"conditional"}
        orthogonal(self)
        add_spectral_norm(self, SN_EPS)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = self.stem(centred(x, self.size))
        features = [h]
        for depth, block in enumerate(self.blocks):
            h = block(h)
            if depth % 2:
                features.append(h)
            if self.attended is not None and depth == 2 * self.attended + 1:
                h = self.attention(h)
        h = functional.relu(h).sum(dim=(2, 3))
        outputs = self.logit(h)
        if self.projection is not None:
            outputs = outputs + self.projection(h, y)[:, None]
        output: DiscriminatorOutput = self.heads(outputs, h, (*features, h))
        return output


class UpBlock(nn.Module):
    """A bottleneck of a quarter of the input channels: 1x1, two 3x3 and 1x1 convolutions.

    A norm and ReLU come before each, and the upsampling before the first 3x3 convolution.
    """

    def __init__(
        self, inputs: int, outputs: int, condition: int, shortcut: Shortcut, *, double: bool
    ) -> None:
        super().__init__()
        self.upsamples, self.outputs = double, outputs
        inside = max(1, inputs // 4)
        norm = partial(LinearBatchNorm2d, condition=condition)
        self.norms = nn.ModuleList(norm(each) for each in (inputs, inside, inside, inside))
        self.convolutions = bottleneck(inputs, inside, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if shortcut == "convolution" else None

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = x
        for depth, (norm, layer) in enumerate(zip(self.norms, self.convolutions, strict=True)):
            h = functional.relu(norm(h, condition))
            h = layer(self.resized(h) if depth == 1 else h)
        if self.shortcut is not None:
            return h + self.shortcut(self.resized(x))
        return h + self.resized(x[:, : self.outputs])

    def resized(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2, mode="nearest") if self.upsamples else x


class DownBlock(nn.Module):
    """A bottleneck of a quarter of the output channels, with ReLU before each convolution.

    The pooling comes before the last convolution.
    """

    def __init__(self, inputs: int, outputs: int, shortcut: Shortcut, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.convolutions = bottleneck(inputs, max(1, outputs // 4), outputs)
        self.widens = inputs != outputs
        self.adds = shortcut == "channels" and self.widens
        self.shortcut: nn.Module = nn.Identity()
        if self.adds:
            self.shortcut = nn.Conv2d(inputs, outputs - inputs, 1)
        elif shortcut == "convolution" and (self.widens or halve):
            self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for depth, layer in enumerate(self.convolutions):
            h = functional.relu(h)
            h = layer(self.resized(h) if depth == 3 else h)
        if self.adds:
            x = self.resized(x)
            return h + torch.cat([x, self.shortcut(x)], 1)
        if self.widens:
            return h + self.shortcut(self.resized(x))
        return h + self.resized(self.shortcut(x))

    def resized(self, x: Tensor) -> Tensor:
        return halved(x) if self.halve else x


def bottleneck(inputs: int, inside: int, outputs: int) -> nn.ModuleList:
    return nn.ModuleList(
        [
            nn.Conv2d(inputs, inside, 1),
            nn.Conv2d(inside, inside, 3, padding=1),
            nn.Conv2d(inside, inside, 3, padding=1),
            nn.Conv2d(inside, outputs, 1),
        ]
    )


def factors(
    table: dict[int, tuple[int, ...]], doublings: int, small: int, first: int | None = None
) -> tuple[int, ...]:
    """Return the factors of `width` at each size or after each pair of blocks.

    Args:
        small: the factor of an image with fewer doublings than the table has.
        first: the first one of such an image; None: the same.

    Raises:
        ValueError: the image is larger than the architecture was made for.
    """
    if doublings > max(table):
        largest = 8 * 2 ** max(table) - 1
        raise ValueError(f"this network makes images of up to {largest} pixels")
    if doublings in table:
        return table[doublings]
    return (first or small, *[small] * max(2, doublings))
