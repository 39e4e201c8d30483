"""DCGAN: 4x4 convolutions of stride 2 all the way from noise to image, and back to a logit.

Source: Radford, Metz & Chintala 2015, arXiv:1511.06434: layout and initialisation of sections 3
and 4. At 64x64 RGB, width 64 and latent 100 the networks have the 3,576,704 and 2,765,568
parameters of `pytorch_GAN_zoo`. Other sizes are doubled until the base has 4 … 7 pixels, but twice
at least: with one convolution before its logit, D is too weak for 8x8 digits.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import (
    ConditionalBatchNorm2d,
    Projection,
    add_spectral_norm,
    centred,
    growth,
    label_classes,
)


class Generator(nn.Module):
    """z → base → doubled by transposed convolutions, batch norm and ReLU → tanh.

    Conditional: the gain and shift of every batch norm are those of the label.

    Args:
        width: channels before the image; twice as many with every halving of the size.
        spectral_norm: on all convolutions, as SAGAN does (arXiv:1805.08318).

    Raises:
        ValueError: no image of at least 8x8 pixels; or conditional, and the data has no classes.
    """

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
        self.capabilities = frozenset({"graph-safe"} | ({"conditional"} if conditional else set()))
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
    """Halved by strided convolutions and leaky ReLU, then one convolution over all that is left.

    Batch norm stands behind every convolution but the first and the last; without it the
    convolutions have biases. Conditional: projection on the activations that the last convolution
    sees. Its features are the activations behind each halving.

    Args:
        width: channels behind the first convolution; twice as many with every halving.
        spectral_norm: on all convolutions, in place of batch norm.
        batch_norm: null means on, unless there is spectral norm.

    Raises:
        ValueError: batch norm and spectral norm together; no image of at least 8x8 pixels; or
            conditional, and the data has no classes.
    """

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        spectral_norm: bool = False,
        batch_norm: bool | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if spectral_norm and batch_norm:
            raise ValueError(
                "batch_norm: true undoes the bound that spectral_norm: true sets; choose one"
            )
        batch_norm = not spectral_norm if batch_norm is None else batch_norm
        classes = label_classes(spec, conditional)
        doublings, base, self.size = growth(spec, fewest=2)
        channels = [spec.channels] + [width * 2**power for power in range(doublings)]

        self.halvings = nn.ModuleList()
        for depth, (inputs, outputs) in enumerate(pairwise(channels)):
            convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not batch_norm)
            norm = [nn.BatchNorm2d(outputs)] if batch_norm and depth > 0 else []
            self.halvings.append(nn.Sequential(convolution, *norm, nn.LeakyReLU(0.2)))
        self.logit = nn.Conv2d(channels[-1], 1, base, bias=not batch_norm)
        self.projection = Projection(classes, channels[-1] * base[0] * base[1]) if classes else None
        self.capabilities = frozenset(
            {"features", "graph-safe"}
            | ({"conditional"} if conditional else set())
            | ({"batch-coupled"} if batch_norm else set())
        )

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
        logits = self.logit(h).flatten()
        if self.projection is not None:
            logits = logits + self.projection(h.flatten(1), y)
        return DiscriminatorOutput(logits, tuple(features))


def doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Return the transposed convolution that doubles height and width."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and the gains of batch norm from N(1, 0.02); biases are 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, Projection):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1, 0.02)


def initialise_unnormalised(module: nn.Module) -> None:
    """Draw weights as He et al. 2015 do for leaky ReLU (arXiv:1502.01852).

    The paper's N(0, 0.02) relies on batch norm: without any norm, a narrow network that starts so
    passes on hardly any signal.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=0.2)
