"""A plugin in one file: generators and latents that are sampled in other ways than trained."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Fraction, Noise, PositiveFloat, SampleSpec, SamplingInputs, hookimpl


@hookimpl
def register_generators(register: Any) -> None:
    register("styled", "local:Styled", summary="truncation, noise and standing statistics")
    register("untyped", "local:Untyped", summary="a sampling parameter without a type")
    register("unprepared", "local:Unprepared", summary="prepare_sampling that fails")


@hookimpl
def register_latents(register: Any) -> None:
    register("truncated", "local:Truncated", summary="a normal distribution without its tails")
    register("learned", "local:Learned", summary="a normal distribution with a learned mean")


class Styled(nn.Module):
    """A mapping, noise, and one batch-normed layer.

    Args:
        prepared: recompute batch norm's statistics and the mean style before sampling.
    """

    def __init__(self, spec: SampleSpec, *, latent_dim: int = 8, prepared: bool = True) -> None:
        super().__init__()
        self.spec, self.latent_dim = spec, latent_dim
        self.mapping = nn.Linear(latent_dim, 16)
        self.norm = nn.BatchNorm1d(16)
        self.layer = nn.Linear(16, spec.size)
        self.strength = nn.Parameter(torch.ones(()))
        self.register_buffer("w_mean", torch.zeros(16))
        self.prepared = prepared

    def forward(
        self,
        z: Tensor,
        y: Tensor | None = None,
        *,
        noise: Noise,
        truncation: Fraction = 1.0,
        temperature: PositiveFloat = 1.0,
    ) -> Tensor:
        w = self.w_mean.lerp(torch.tanh(self.mapping(z)), truncation)
        x = self.layer(self.norm(w) + self.strength * noise.normal("styles", 16))
        return torch.tanh(x / temperature).view(-1, *self.spec.model_shape)

    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        if not self.prepared:
            return
        styles = torch.cat([torch.tanh(self.mapping(draw(100).z)) for _ in range(3)])
        self.w_mean.copy_(styles.mean(0))
        self.norm.reset_running_stats()
        self.norm.momentum = None
        self.norm.train()
        for _ in range(3):
            z, y, noise = draw(100)
            self(z, y, noise=noise)


class Untyped(Styled):
    """Forgets the type of a sampling parameter."""

    def forward(self, z, y=None, *, noise, truncation=1.0):  # type: ignore[no-untyped-def, override]
        return super().forward(z, y, noise=noise, truncation=truncation)


class Unprepared(Styled):
    """Fails before it is sampled."""

    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        raise ValueError("no styles")


class Truncated:
    """Standard normal, each number drawn again by folding it into [-threshold, threshold]."""

    def __init__(self, dim: int, *, threshold: PositiveFloat = 1.0) -> None:
        self.dim, self.threshold = dim, threshold

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(n, self.dim, generator=generator)
        return z.remainder(2 * self.threshold) - self.threshold


class Learned(nn.Module):
    """Standard normal around a mean that learns."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(dim))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.mean + torch.randn(n, len(self.mean), generator=generator)
