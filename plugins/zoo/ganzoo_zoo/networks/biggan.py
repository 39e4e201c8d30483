"""BigGAN: wide residual networks, one embedding of the label for all norms, a part of z per block.

The numbers of channels are the paper's at 128 and 256 pixels, those of BigGAN-PyTorch at 64, and
StudioGAN's below. There are as many parameters as in StudioGAN at 32 and 128, and as in
BigGAN-PyTorch at 64 and 128. No ReLU works in place: see `resnet`.

Source: Brock et al. 2018, arXiv:1809.11096, appendix B.
"""

from functools import partial
from itertools import pairwise
from typing import Any

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
from ganzoo_zoo.blocks.residual import DownBlock, UpBlock, convolution
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm

SN_EPS = 1e-6
ATTENTION = 64
"""Pixels of the largest map that gets attention by default."""

UP = {4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1), 6: (16, 16, 8, 8, 4, 2, 1)}
"""Doublings → factors of `width` in G, from the base on; fewer doublings: 4 everywhere."""
DOWN = {4: (1, 2, 4, 8, 16), 5: (1, 2, 4, 8, 16, 16), 6: (1, 2, 4, 8, 8, 16, 16)}
"""Doublings → factors of `width` after D's blocks, the last of which keeps the size."""


class Generator(nn.Module):
    """BigGAN's generator: batch norm that depends on the label and on z, attention, spectral norm.

    z is split into chunks. The first feeds the linear layer to the base; each residual block takes
    gain and shift of its batch norms from the label's embedding and a chunk of its own. The
    statistics of batch norm are computed again before sampling.

    Args:
        width: the paper has 96 at 128 pixels.
        latent_chunk: length of a chunk of z; z has one chunk more than the image has doublings.
        class_dim: length of the label's embedding, which all blocks share.
        attention: pixels of the map (its shorter side) that gets self-attention; 0: none; null: the
            largest of up to 64 pixels that is smaller than the image.
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
        width: PositiveInt = 96,
        latent_chunk: PositiveInt = 20,
        class_dim: PositiveInt = 128,
        attention: NonNegativeInt | None = None,
        standing_batches: NonNegativeInt = 16,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        classes = label_classes(spec, conditional)
        if not conditional:
            self.capabilities -= {"conditional"}
        doublings, base, full = growth(spec)
        channels = [width * factor for factor in factors(UP, 4, doublings)]
        sizes = [(base[0] << step, base[1] << step) for step in range(1, doublings + 1)]
        self.latent_chunk, self.latent_dim = latent_chunk, latent_chunk * (doublings + 1)
        self.standing_batches = standing_batches
        self.size, self.base_shape = (spec.height, spec.width), (channels[0], *base)

        condition = latent_chunk + (class_dim if classes else 0)
        norm = partial(LinearBatchNorm2d, condition=condition)
        self.embedding = nn.Embedding(classes, class_dim) if classes else None
        self.base = nn.Linear(latent_chunk, channels[0] * base[0] * base[1])
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, norm, "nearest") for inputs, outputs in pairwise(channels)
        )
        self.attended = attended(attention, sizes, min(ATTENTION, min(full) // 2))
        self.attention = attention_after(self.attended, channels[1:])
        self.norm = nn.BatchNorm2d(channels[-1], eps=EPS)
        self.image = convolution(channels[-1], spec.channels, 3)
        orthogonal(self)
        add_spectral_norm(self, SN_EPS)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim), labels (B,) int64."""
        first, *chunks = torch.split(z, self.latent_chunk, 1)
        if self.embedding is not None:
            label = self.embedding(required_labels(y))
            chunks = [torch.cat([label, chunk], 1) for chunk in chunks]
        h = self.base(first).unflatten(1, self.base_shape)
        for depth, (block, condition) in enumerate(zip(self.blocks, chunks, strict=True)):
            h = block(h, condition)
            if depth == self.attended:
                h = self.attention(h)
        h = self.image(functional.relu(self.norm(h)))
        return torch.tanh(centred(h, self.size))

    def prepare_sampling(self, draw: Any) -> None:
        """Compute batch norm's statistics again."""
        use_standing_statistics(self, draw, self.standing_batches)


class Discriminator(nn.Module):
    """BigGAN's discriminator: residual blocks with spectral norm, attention and projection.

    Residual blocks, all but the last of which halve the size (below 64 pixels: as many as leave 8
    to 15 pixels), self-attention after one of them, then ReLU, a sum over pixels and a linear
    layer. If conditional, projection on the sum. The features are the outputs of the blocks (before
    attention) and the sum.

    Args:
        width: the paper has 96 at 128 pixels. Below 64 pixels every block has twice as many
            channels; BigGAN-PyTorch has four times as many there.
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
        width: PositiveInt = 96,
        attention: NonNegativeInt | None = None,
        conditional: bool = False,
        head: Head = "projection",
        self_supervision: SelfSupervision = "none",
        embedding_dim: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        classes = label_classes(spec, conditional and head == "projection")
        doublings, _, self.size = growth(spec)
        halvings = doublings if doublings in DOWN else max(1, doublings - 1)
        channels = [spec.channels, *(width * each for each in factors(DOWN, 2, doublings))]
        sizes = [
            (self.size[0] >> min(step, halvings), self.size[1] >> min(step, halvings))
            for step in range(1, doublings + 2)
        ]

        self.blocks = nn.ModuleList(
            DownBlock(inputs, outputs, halve=depth < halvings, first=depth == 0, hidden="output")
            for depth, (inputs, outputs) in enumerate(pairwise(channels))
        )
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


def factors(table: dict[int, tuple[int, ...]], small: int, doublings: int) -> tuple[int, ...]:
    """Return the factors of `width` at each size or after each block.

    Raises:
        ValueError: the image is larger than the architecture was made for.
    """
    if doublings > max(table):
        largest = 8 * 2 ** max(table) - 1
        raise ValueError(f"this network makes images of up to {largest} pixels")
    return table.get(doublings, (small,) * (doublings + 1))
