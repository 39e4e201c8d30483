"""A plugin in one file: generators whose samples are not finite, though every loss is."""

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import NonNegativeInt, SampleSpec, hookimpl


@hookimpl
def register_generators(register: Any) -> None:
    register("broken", "local:Broken", summary="some samples are not finite in eval mode")


class Broken(nn.Module):
    """One layer. In eval mode each sample whose first latent is above `most` is infinite.

    Args:
        most: of the first latent.
        after: number of forward passes in training before that.
    """

    def __init__(
        self, spec: SampleSpec, *, latent_dim: int = 8, most: float = 1, after: NonNegativeInt = 1
    ) -> None:
        super().__init__()
        self.spec, self.latent_dim, self.most, self.after = spec, latent_dim, most, after
        self.layer = nn.Linear(latent_dim, spec.size)
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        samples = torch.tanh(self.layer(z)).view(-1, *self.spec.model_shape)
        if self.training:
            self.passes += 1
        elif self.passes >= self.after:
            samples[z[:, 0] > self.most] = torch.inf
        return samples
