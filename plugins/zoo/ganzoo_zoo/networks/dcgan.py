"""DCGAN: 4x4 convolutions of stride 2 from noise to image, and from image to logit.

Layout and initialisation follow sections 3 and 4 of the paper. At 64x64 RGB, width 64 and latent
100 the networks have as many parameters as in `pytorch_GAN_zoo`: 3,576,704 and 2,765,568. At other
sizes the base has 4 to 7 pixels, or fewer where that would take less than two doublings: with only
one convolution before its logit, D is too weak for 8x8 digits.

Source: Radford, Metz & Chintala 2015, arXiv:1511.06434.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import centred, growth, label_classes
from ganzoo_zoo.blocks.heads import EVERY_WORD, Head, Heads, SelfSupervision, outputs_of
from ganzoo_zoo.blocks.labels import ConditionalBatchNorm2d, Projection
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm


class Generator(nn.Module):
    """Transposed convolutions with batch norm and ReLU, then tanh.

    If conditional, every batch norm takes its gain and shift from the label.

    Args:
        width: channels before the image; each smaller size has twice as many.
        latent_dim: length of z; the paper has 100.
        spectral_norm: on all convolutions, as in SAGAN (arXiv:1805.08318).
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: not an image of at least 8x8 pixels; or conditional, and the data has no
            classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        latent_dim: PositiveInt = 100,
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        doublings, base, _ = growth(spec, fewest=2)
        channels = [width * 2**power for power in reversed(range(doublings))]

        self.convolutions = nn.ModuleList(
            [nn.ConvTranspose2d(latent_dim, channels[0], base, bias=False)]
        )
        for inputs, outputs in pairwise(channels):
            self.convolutions.append(doubling(inputs, outputs))
        self.norms = nn.ModuleList(ConditionalBatchNorm2d(each, classes) for each in channels)
        self.image = doubling(channels[-1], spec.channels)

        self.apply(initialise)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] of latents (B, latent_dim), labels (B,) int64."""
        h = z[:, :, None, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            h = functional.relu(norm(convolution(h), y))
        return torch.tanh(centred(self.image(h), self.size))


class Discriminator(nn.Module):
    """Strided convolutions and leaky ReLU, with batch norm or spectral norm.

    Each strided convolution halves the size; the last convolution covers the whole map and gives
    the logit. Batch norm follows every convolution except the first and the last; without batch
    norm the convolutions have biases. If conditional, projection on the input of the last
    convolution. The features are the activations after each halving.

    Args:
        width: channels after the first convolution; doubled with every halving.
        spectral_norm: on all convolutions, instead of batch norm.
        batch_norm: null means on, unless `spectral_norm` is on.
        conditional: use the labels by projection; the data must have classes. Without effect with
            another `head`.
        head: how D uses classes: `projection` if conditional; `classifier` (AC-GAN),
            `twin-classifier` (TAC-GAN) or `discriminative-classifier` (ADC-GAN); `embedding`
            (ContraGAN, ReACGAN); `multi-hinge` (MHGAN).
        self_supervision: an additional head: `rotation` (SSGAN) or `infomax` (InfoMax-GAN).
        embedding_dim: length of the vectors of `embedding` and `infomax`; null means 512 and 1024.

    Raises:
        ValueError: batch norm and spectral norm together; not an image of at least 8x8 pixels;
            conditional or a class head, and the data has no classes; or `rotation` of images that
            are not square.
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
        width: PositiveInt = 64,
        spectral_norm: bool = False,
        batch_norm: bool | None = None,
        conditional: bool = False,
        head: Head = "projection",
        self_supervision: SelfSupervision = "none",
        embedding_dim: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        if spectral_norm and batch_norm:
            raise ValueError(
                "batch_norm: true undoes the bound that spectral_norm: true sets; choose one"
            )
        batch_norm = not spectral_norm if batch_norm is None else batch_norm
        classes = label_classes(spec, conditional and head == "projection")
        doublings, base, self.size = growth(spec, fewest=2)
        channels = [spec.channels] + [width * 2**power for power in range(doublings)]

        self.halvings = nn.ModuleList()
        for depth, (inputs, outputs) in enumerate(pairwise(channels)):
            convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not batch_norm)
            norm = [nn.BatchNorm2d(outputs)] if batch_norm and depth > 0 else []
            self.halvings.append(nn.Sequential(convolution, *norm, nn.LeakyReLU(0.2)))
        self.logit = nn.Conv2d(channels[-1], outputs_of(head, spec), base, bias=not batch_norm)
        pooled = channels[-1] * base[0] * base[1]
        self.projection = Projection(classes, pooled) if classes else None
        self.heads = Heads(
            spec,
            pooled,
            channels[-2],
            head=head,
            self_supervision=self_supervision,
            embedding_dim=embedding_dim,
        )
        self.capabilities = self.capabilities - EVERY_WORD | self.heads.capabilities
        if not classes:
            self.capabilities -= {"conditional"}
        if not batch_norm:
            self.capabilities -= {"batch-coupled"}

        self.apply(initialise)
        if spectral_norm:
            add_spectral_norm(self)
        elif not batch_norm:
            self.apply(initialise_unnormalised)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        h = centred(x, self.size)
        features = []
        for halving in self.halvings:
            h = halving(h)
            features.append(h)
        outputs, h = self.logit(h).flatten(1), h.flatten(1)
        if self.projection is not None:
            outputs = outputs + self.projection(h, y)[:, None]
        output: DiscriminatorOutput = self.heads(outputs, h, (*features, h))
        return output._replace(features=tuple(features))


def doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution that doubles height and width."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and gains of batch norm from N(1, 0.02); set biases to 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, Projection):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1, 0.02)


def initialise_unnormalised(module: nn.Module) -> None:
    """Draw weights for leaky ReLU as in He et al. 2015 (arXiv:1502.01852).

    The paper's N(0, 0.02) relies on batch norm: in a narrow network without a norm, the signal
    almost vanishes.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=0.2)
