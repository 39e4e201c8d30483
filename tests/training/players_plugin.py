"""A plugin in one file, for tests: networks, latents and regularizers of every kind."""

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, SampleSpec, hookimpl


@hookimpl
def register_discriminators(register: Any) -> None:
    register("on-features", "local:OnFeatures", summary="a linear critic on frozen features")


@hookimpl
def register_regularizers(register: Any) -> None:
    register("needy", "local:Needy", summary="requires one capability of one role")


class OnFeatures(nn.Module):
    """A linear D on features that stay in eval mode and are not trained."""

    capabilities = frozenset({"batch-coupled"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(spec.size))
        self.head = nn.Linear(spec.size, 1)
        self.features.requires_grad_(False)

    def train(self, mode: bool = True) -> "OnFeatures":
        super().train(mode)
        self.features.eval()
        return self

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.head(self.features(x)).squeeze(1))


class Needy:
    """Requires a word of a role."""

    def __init__(self, *, role: str = "", word: str = "acme/word") -> None:
        self.requires: Any = {role: {word}} if role else {word}

    def generator(self, game: Any) -> dict[str, Tensor]:
        return {"nothing": torch.zeros(())}
