"""SNGAN's residual networks.

Source: Miyato et al. 2018, arXiv:1802.05957, appendix B; conditional as in Miyato & Koyama 2018,
arXiv:1802.05637 (cGAN-PD). Layout, bilinear upsampling, initialisation and the number of parameters
are those of `mimicry`, with these settings:

    ====  =============================  =======================================================
    size  generator                      discriminator
    ====  =============================  =======================================================
    32    width 256 (default)            width 128 (default)
    48    width 64, max_width 512        width 64, max_width 1024, blocks 5, downsamplings 5
    64    width 64, max_width 1024       width 64, max_width 1024, downsamplings 5
    128   width 64, max_width 1024       width 64, max_width 1024, downsamplings 5
    ====  =============================  =======================================================

One difference: no ReLU here works in place. In other projects the first ReLU of a block of D
overwrites the block's input, so the shortcut carries relu(x) instead of the paper's x. The number
of parameters is the same, the function is not.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes
from ganzoo_zoo.blocks.heads import EVERY_WORD, Head, Heads, SelfSupervision, outputs_of
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d, Projection
from ganzoo_zoo.blocks.residual import (
    DownBlock,
    Hidden,
    UpBlock,
    Upsampling,
    convolution,
    widths,
)
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm


class Generator(nn.Module):
    """SNGAN's residual generator.

    A linear layer from z to the base, one residual block per doubling, then batch norm, ReLU, a
    3x3 convolution and tanh. If conditional, the blocks' batch norms take their gain and shift from
    the label; the last batch norm does not.

    Args:
        width: channels at full size.
        max_width: each smaller size has twice as many channels, up to this; null: all have `width`.
        spectral_norm: on all convolutions and the first layer, as in SAGAN (arXiv:1805.08318).
        latent_dim: length of z.
        conditional: use the labels; the data must have classes.
        upsampling: how a block doubles the size; StudioGAN's SNGAN has `nearest`.

    Raises:
        ValueError: max_width below width; not an image of at least 8x8 pixels; or conditional, and
            the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 256,
        max_width: PositiveInt | None = None,
        latent_dim: PositiveInt = 128,
        spectral_norm: bool = False,
        conditional: bool = False,
        upsampling: Upsampling = "bilinear",
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        doublings, base, _ = growth(spec)
        channels = widths(width, max_width, doublings + 1)[::-1]

        self.base_shape = (channels[0], *base)
        self.base = nn.Linear(latent_dim, channels[0] * base[0] * base[1])
        norm = partial(ConditionalBatchNorm2d, classes=classes)
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, norm, upsampling) for inputs, outputs in pairwise(channels)
        )
        self.norm = nn.BatchNorm2d(width)
        self.image = convolution(width, spec.channels, 3)
        nn.init.xavier_uniform_(self.base.weight)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim), labels (B,) int64."""
        h = self.base(z).unflatten(1, self.base_shape)
        for block in self.blocks:
            h = block(h, y)
        h = self.image(functional.relu(self.norm(h)))
        return torch.tanh(centred(h, self.size))


class Discriminator(nn.Module):
    """SNGAN's residual discriminator, with optional spectral norm and a choice of heads.

    Residual blocks, of which the first ones halve the size, then ReLU, a sum over pixels and a
    linear layer. If conditional, projection on the sum. The features are the outputs of the blocks
    and the sum.

    Args:
        width: channels after the first block.
        max_width: each further block has twice as many channels, up to this; null: all have
            `width`.
        blocks: null means one more than the generator has doublings.
        downsamplings: number of blocks that halve the size, from the first one on; null means as
            many as leave 8 to 15 pixels, and at least one.
        spectral_norm: on all weights.
        conditional: use the labels by projection; the data must have classes. Without effect with
            another `head`.
        batch_norm: before each ReLU in the blocks, as in StudioGAN's ACGAN and ProjGAN.
        hidden: whether a block has as many channels inside as at its input (mimicry) or at its
            output (StudioGAN).
        head: how D uses classes: `projection` if conditional; `classifier` (AC-GAN),
            `twin-classifier` (TAC-GAN) or `discriminative-classifier` (ADC-GAN); `embedding`
            (ContraGAN, ReACGAN); `multi-hinge` (MHGAN).
        self_supervision: an additional head: `rotation` (SSGAN) or `infomax` (InfoMax-GAN).
        embedding_dim: length of the vectors of `embedding` and `infomax`; null means 512 and 1024.

    Raises:
        ValueError: max_width below width; more downsamplings than blocks, or than the image
            allows; not an image of at least 8x8 pixels; conditional or a class head, and the data
            has no classes; batch norm and spectral norm together; `rotation` of images that are
            not square; or `infomax` with one block.
    """

    capabilities = frozenset(
        {
            "batch-coupled",
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
        spectral_norm: bool = False,
        conditional: bool = False,
        batch_norm: bool = False,
        hidden: Hidden = "input",
        head: Head = "projection",
        self_supervision: SelfSupervision = "none",
        embedding_dim: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        if spectral_norm and batch_norm:
            raise ValueError(
                "batch_norm: true undoes the bound that spectral_norm: true sets; choose one"
            )
        classes = label_classes(spec, conditional and head == "projection")
        doublings, _, self.size = growth(spec)
        blocks = blocks or doublings + 1
        downsamplings = downsamplings or max(1, doublings - 1)
        if downsamplings > blocks or 2**downsamplings > min(self.size):
            raise ValueError(
                f"downsamplings: {downsamplings} is too many for {blocks} blocks on {spec}"
            )

        channels = [spec.channels, *widths(width, max_width, blocks)]
        self.blocks = nn.ModuleList(
            DownBlock(
                inputs,
                outputs,
                halve=depth < downsamplings,
                first=depth == 0,
                hidden=hidden,
                batch_norm=batch_norm,
            )
            for depth, (inputs, outputs) in enumerate(pairwise(channels))
        )
        self.logit = nn.Linear(channels[-1], outputs_of(head, spec))
        nn.init.xavier_uniform_(self.logit.weight)
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
        if not batch_norm:
            self.capabilities -= {"batch-coupled"}
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = centred(x, self.size)
        features = []
        for block in self.blocks:
            h = block(h)
            features.append(h)
        h = functional.relu(h).sum(dim=(2, 3))
        outputs = self.logit(h)
        if self.projection is not None:
            outputs = outputs + self.projection(h, y)[:, None]
        output: DiscriminatorOutput = self.heads(outputs, h, (*features, h))
        return output
