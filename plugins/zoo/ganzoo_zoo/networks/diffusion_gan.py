"""Discriminators that know how many steps of diffusion a sample went through.

Source: Wang et al. 2022, arXiv:2206.02262, where StyleGAN2's mapping network takes the step.
"""

from math import sqrt

import torch
from torch import Tensor, nn

from ganzoo.api import (
    DiscriminatorOutput,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SampleSpec,
)
from ganzoo_zoo.blocks.spectral_norm import add_spectral_norm
from ganzoo_zoo.networks import dcgan, stylegan2

HIDDEN = 64
"""Units between the step and its vector."""


class StepProjection(nn.Module):
    """Inner product of features with a learned vector of the step, to be added to D's logit.

    The vector is that of a perceptron with one hidden layer; the product is divided by the square
    root of its length.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, features)
        )

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """Return (B,) for features (B, F) and steps (B,) in [0, 1]."""
        vectors = self.layers(step.to(features)[:, None])
        return (vectors * features).sum(1) / sqrt(features.shape[1])


class Discriminator(dcgan.Discriminator):
    """DCGAN's discriminator, which also judges by the step of the augmentation `diffusion`.

    The step enters as a label would: by an inner product with the last features.

    Args:
        width: channels after the first convolution; doubled with every halving.
        spectral_norm: on all layers, instead of batch norm.
        batch_norm: null means on, unless `spectral_norm` is on.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: as `dcgan` does.
    """

    capabilities = frozenset(
        {"augmentation-aware", "batch-coupled", "conditional", "features", "graph-safe"}
    )

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        spectral_norm: bool = False,
        batch_norm: bool | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(
            spec,
            width=width,
            spectral_norm=spectral_norm,
            batch_norm=batch_norm,
            conditional=conditional,
        )
        base_height, base_width = self.logit.kernel_size
        self.steps = StepProjection(self.logit.in_channels * base_height * base_width)
        if spectral_norm:
            add_spectral_norm(self.steps)

    def forward(
        self, x: Tensor, y: Tensor | None = None, *, extra: Tensor | None = None
    ) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given their steps in [0, 1], (B,); None means 0."""
        judged = super().forward(x, y)
        step = torch.zeros_like(judged.logits) if extra is None else extra
        logits = judged.logits + self.steps(judged.features[-1].flatten(1), step)
        return DiscriminatorOutput(logits, judged.features)


class StyleGAN2Discriminator(stylegan2.Discriminator):
    """StyleGAN2's discriminator, whose mapping reads the step of the augmentation `diffusion`.

    The step t, from 0 to `T_max`, stands beside the label at the input of the mapping, as a number.
    The logit is the product of the last layer's output and the mapping's.

    Args:
        channel_base: channels times height at each size, up to `channel_max`.
        channel_max: most channels at any size; 512 in the paper.
        architecture: ``resnet`` has a shortcut around each block; ``skip`` adds the image at each
            size; ``orig`` has neither.
        minibatch_stddev: number of consecutive samples whose standard deviation is a channel before
            the last convolution; the batch must be a multiple of it. 0: no such channel.
        mapping_layers: layers of the mapping of the step, and of labels if conditional.
        mapping_lr_factor: factor on the learning rate of that mapping.
        clamp: largest size of an activation of a convolution, against overflow in half precision
            (256 in the authors' code); null: no limit.
        conditional: use the labels; the data must have classes.
        T_max: most steps, as the augmentation has it.

    Raises:
        ValueError: as `stylegan2` does.

    Source: Wang et al. 2022, arXiv:2206.02262; its StyleGAN2 version.
    """

    capabilities = frozenset({"augmentation-aware", "conditional", "features", "graph-safe"})
    numbers = 1

    def __init__(
        self,
        spec: SampleSpec,
        *,
        channel_base: PositiveInt = 16384,
        channel_max: PositiveInt = 128,
        architecture: stylegan2.Architecture = "resnet",
        minibatch_stddev: NonNegativeInt = 4,
        mapping_layers: PositiveInt = 8,
        mapping_lr_factor: PositiveFloat = 0.01,
        clamp: PositiveFloat | None = None,
        conditional: bool = False,
        T_max: PositiveInt = 1000,
    ) -> None:
        super().__init__(
            spec,
            channel_base=channel_base,
            channel_max=channel_max,
            architecture=architecture,
            minibatch_stddev=minibatch_stddev,
            mapping_layers=mapping_layers,
            mapping_lr_factor=mapping_lr_factor,
            clamp=clamp,
            conditional=conditional,
        )
        self.most_steps = T_max

    def forward(
        self, x: Tensor, y: Tensor | None = None, *, extra: Tensor | None = None
    ) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given t / T_max in [0, 1], (B,); None means 0."""
        step = x.new_zeros(len(x)) if extra is None else extra
        return self.judged(x, y, self.most_steps * step[:, None])
