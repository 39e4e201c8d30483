"""Projected GAN: D judges random projections of the features of a network that is never trained.

Paper: arXiv:2111.01007; the feature network is small and random here.

Shows: `frozen-parameters`, a part of D kept in eval mode by `train`, one logit per place and scale.
"""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.api import PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_discriminators(register):
    register("projected", "local:Projected", modalities={"image"}, paper="arXiv:2111.01007")


class Projections(nn.Module):
    """Features at two scales, mixed across channels (CCM) and from coarse to fine (CSM)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU()
            )
            for inputs in (channels, width)
        )
        self.ccm = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in self.scales)
        self.csm = nn.Conv2d(width, width, 3, padding=1)
        for layer in (*self.ccm, self.csm):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.scales[0](x)
        coarse = self.ccm[1](self.scales[1](fine))
        above = interpolate(coarse, fine.shape[2:], mode="bilinear")
        return self.ccm[0](fine) + self.csm(above), coarse


class Projected(nn.Module):
    """A small head on each scale, with a logit for each place.

    Raises:
        ValueError: images with a side below 4 pixels.
    """

    capabilities = frozenset({"frozen-parameters"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        if min(spec.height, spec.width) < 4:
            raise ValueError(f"the coarse scale needs images from 4x4 on, not {spec}")
        self.projections = Projections(spec.channels, width).requires_grad_(False).eval()
        self.heads = nn.ModuleList(
            nn.Sequential(
                spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(width, 1, 1)),
            )
            for _ in range(2)
        )

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.projections.eval()  # its batch norm keeps its statistics
        return self

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        pairs = zip(self.heads, self.projections(x), strict=True)
        return torch.cat([head(scale).flatten(1) for head, scale in pairs], 1)  # (B, places)
