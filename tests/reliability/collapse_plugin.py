"""A plugin in one file, for `collapse_trial`: what makes a generator collapse."""

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Game, NonNegativeInt, PositiveInt, SampleSpec, Terms, hookimpl


@hookimpl
def register_regularizers(register: Any) -> None:
    register("pull", "local:Pull", summary="pulls all samples to a few outputs from a step on")


@hookimpl
def register_generators(register: Any) -> None:
    register("constant", "local:Constant", summary="the same sample for every latent")


class Pull:
    """Squared distance of each sample to one of a few fixed outputs, chosen by its latent."""

    def __init__(self, *, outputs: PositiveInt = 1, from_step: NonNegativeInt = 0) -> None:
        self.outputs, self.from_step = outputs, from_step

    def generator(self, game: Game) -> Terms:
        if game.step < self.from_step:
            return {"pull": game.fake.sum() * 0}
        random = torch.Generator().manual_seed(0)
        outputs = torch.rand(self.outputs, *game.fake.shape[1:], generator=random) * 1.6 - 0.8
        # Normal latents: equally many on each side of a quantile.
        uniform = torch.special.ndtr(game.latents[:, 0])
        chosen = (uniform * self.outputs).long().clamp(0, self.outputs - 1)
        return {"pull": (game.fake - outputs[chosen]).square().flatten(1).sum(1).mean()}


class Constant(nn.Module):
    """One learned sample."""

    def __init__(self, spec: SampleSpec, *, latent_dim: PositiveInt = 4) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.sample = nn.Parameter(torch.zeros(spec.model_shape))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return torch.tanh(self.sample).expand(len(z), *self.sample.shape)
