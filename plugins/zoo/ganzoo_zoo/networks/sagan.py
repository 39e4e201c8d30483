"""SAGAN: SNGAN's residual networks with self-attention, and spectral norm in both.

Layout and initialisation are those of the authors (brain-research/self-attention-gan), with these
settings, which have as many parameters as `mimicry` and StudioGAN:

    ====  ==========================  ============================================
    size  generator                   discriminator
    ====  ==========================  ============================================
    32    width 256 (default)         width 128 (default)
    128   width 64, max_width 1024    width 64, max_width 1024, downsamplings 5
    ====  ==========================  ============================================

No ReLU works in place: see `resnet`. Gain and shift of a class are looked up, without spectral
norm, as in `mimicry`; StudioGAN multiplies one-hot labels by normalised weights.

Source: Zhang et al. 2018, arXiv:1805.08318.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, NonNegativeInt, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes
from ganzoo_zoo.blocks.attention import attended, attention_after
from ganzoo_zoo.blocks.heads import EVERY_WORD, Head, Heads, SelfSupervision, outputs_of
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d, Projection
from ganzoo_zoo.blocks.residual import DownBlock, UpBlock, convolution, widths
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm

MOST = 64
"""Pixels of the largest map that gets attention by default."""


class Generator(nn.Module):
    """SAGAN's generator: residual blocks with nearest upsampling, spectral norm and self-attention.

    A linear layer from z to the base, one residual block per doubling, self-attention after one of
    them, then batch norm, ReLU, a 3x3 convolution and tanh. If conditional, the blocks' batch norms
    take their gain and shift from the label.

    Args:
        width: channels at full size.
        max_width: each smaller size has twice as many channels, up to this; null: all have `width`.
        latent_dim: length of z.
        attention: pixels of the map (its shorter side) that gets self-attention; 0: none; null: the
            largest of up to 64 pixels that is smaller than the image.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: max_width below width; no block ends at `attention` pixels; not an image of at
            least 8x8 pixels; or conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 256,
        max_width: PositiveInt | None = None,
        latent_dim: PositiveInt = 128,
        attention: NonNegativeInt | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        doublings, base, full = growth(spec)
        channels = widths(width, max_width, doublings + 1)[::-1]
        sizes = [(base[0] << step, base[1] << step) for step in range(1, doublings + 1)]

        self.base_shape = (channels[0], *base)
        self.base = nn.Linear(latent_dim, channels[0] * base[0] * base[1])
        norm = partial(ConditionalBatchNorm2d, classes=classes)
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, norm, "nearest") for inputs, outputs in pairwise(channels)
        )
        self.attended = attended(attention, sizes, min(MOST, min(full) // 2))
        self.attention = attention_after(self.attended, channels[1:])
        self.norm = nn.BatchNorm2d(width)
        self.image = convolution(width, spec.channels, 3)
        self.apply(initialise)
        add_spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim), labels (B,) int64."""
        h = self.base(z).unflatten(1, self.base_shape)
        for depth, block in enumerate(self.blocks):
            h = block(h, y)
            if depth == self.attended:
                h = self.attention(h)
        h = self.image(functional.relu(self.norm(h)))
        return torch.tanh(centred(h, self.size))


class Discriminator(nn.Module):
    """SAGAN's discriminator: residual blocks with spectral norm, self-attention and projection.

    Residual blocks, of which the first ones halve the size, self-attention after one of them, then
    ReLU, a sum over pixels and a linear layer. If conditional, projection on the sum. The features
    are the outputs of the blocks (before attention) and the sum.

    Args:
        width: channels after the first block.
        max_width: each further block has twice as many channels, up to this; null: all have
            `width`.
        blocks: null means one more than the generator has doublings.
        downsamplings: number of blocks that halve the size, from the first one on; null means as
            many as leave 8 to 15 pixels, and at least one.
        attention: pixels of the map (its shorter side) that gets self-attention, after the first
            block with that size; 0: none; null: the largest of up to 64 pixels.
        conditional: use the labels by projection; the data must have classes. Without effect with
            another `head`.
        head: how D uses classes: `projection` if conditional; `classifier` (AC-GAN),
            `twin-classifier` (TAC-GAN) or `discriminative-classifier` (ADC-GAN); `embedding`
            (ContraGAN, ReACGAN); `multi-hinge` (MHGAN).
        self_supervision: an additional head: `rotation` (SSGAN) or `infomax` (InfoMax-GAN).
        embedding_dim: length of the vectors of `embedding` and `infomax`; null means 512 and 1024.

    Raises:
        ValueError: max_width below width; more downsamplings than blocks, or than the image
            allows; no block ends at `attention` pixels; not an image of at least 8x8 pixels;
            conditional or a class head, and the data has no classes; `rotation` of images that are
            not square; or `infomax` with one block.
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
        max_width: PositiveInt | None = None,
        blocks: PositiveInt | None = None,
        downsamplings: PositiveInt | None = None,
        attention: NonNegativeInt | None = None,
        conditional: bool = False,
        head: Head = "projection",
        self_supervision: SelfSupervision = "none",
        embedding_dim: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        classes = label_classes(spec, conditional and head == "projection")
        doublings, _, self.size = growth(spec)
        blocks = blocks or doublings + 1
        downsamplings = downsamplings or max(1, doublings - 1)
        if downsamplings > blocks or 2**downsamplings > min(self.size):
            raise ValueError(
                f"downsamplings: {downsamplings} is too many for {blocks} blocks on {spec}"
            )
        channels = [spec.channels, *widths(width, max_width, blocks)]
        sizes = [
            (self.size[0] >> min(step, downsamplings), self.size[1] >> min(step, downsamplings))
            for step in range(1, blocks + 1)
        ]

        self.blocks = nn.ModuleList(
            DownBlock(
                inputs,
                outputs,
                halve=depth < downsamplings,
                first=depth == 0,
                hidden="output",
            )
            for depth, (inputs, outputs) in enumerate(pairwise(channels))
        )
        self.attended = attended(attention, sizes, MOST)
        self.attention = attention_after(self.attended, channels[1:])
        self.logit = nn.Linear(channels[-1], outputs_of(head, spec))
        self.projection = Projection(classes, channels[-1]) if classes else None
        self.heads = Heads(
            spec,
            channels[-1],
            channels[-2] if blocks > 1 else None,
            head=head,
            self_supervision=self_supervision,
            embedding_dim=embedding_dim,
        )
        self.capabilities = self.capabilities - EVERY_WORD | self.heads.capabilities
        if not classes:
            self.capabilities -= {"conditional"}
        self.apply(initialise)
        add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = centred(x, self.size)
        features = []
        for depth, block in enumerate(self.blocks):
            h = block(h)
            features.append(h)
            if depth == self.attended:
                h = self.attention(h)
        h = functional.relu(h).sum(dim=(2, 3))
        outputs = self.logit(h)
        if self.projection is not None:
            outputs = outputs + self.projection(h, y)[:, None]
        output: DiscriminatorOutput = self.heads(outputs, h, (*features, h))
        return output


def initialise(layer: nn.Module) -> None:
    """Draw weights Xavier-uniform; set biases to 0."""
    if isinstance(layer, nn.Conv2d | nn.Linear | Projection):
        nn.init.xavier_uniform_(layer.weight)
        if not isinstance(layer, Projection) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
