"""A plugin in one file, for tests: networks, latents and regularizers of every kind."""

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, PositiveFloat, PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_discriminators(register: Any) -> None:
    register("on-features", "local:OnFeatures", summary="a linear critic on frozen features")
    register("constant", "local:Constant", summary="has nothing to train")
    register("sloped", "local:Sloped", summary="a linear critic with a scheduled slope")


@hookimpl
def register_generators(register: Any) -> None:
    register("tempered", "local:Tempered", summary="keeps one number as attribute, one as buffer")


@hookimpl
def register_latents(register: Any) -> None:
    register("wide", "local:Wide", summary="a normal latent of scheduled width")
    register("seen", "local:Seen", summary="a module that learns nothing")
    register("particles", "local:Particles", summary="a mixture whose centres learn with G")


@hookimpl
def register_losses(register: Any) -> None:
    register("to-zero", "local:ToZero", summary="pulls samples to zero, without D")


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


class Tempered(nn.Module):
    """A linear G whose logits are divided by a temperature and faded in by a level."""

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, temperature: float = 2.0, level: float = 0.5, baked: float = 1.0
    ) -> None:
        super().__init__()
        self.latent_dim = 4
        self.shape = spec.model_shape
        self.body = nn.Linear(4, spec.size)
        self.temperature = temperature
        self.register_buffer("level", torch.tensor(level))
        self.register_buffer("seen", torch.zeros(4))
        self.averaged = ("seen",) if baked < 0 else ()

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.level * torch.tanh(self.body(z) / self.temperature)
        return x.unflatten(1, self.shape)


class Sloped(nn.Module):
    """A linear D."""

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, slope: float = 1.0) -> None:
        super().__init__()
        self.head = nn.Linear(spec.size, 1)
        self.slope = slope

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.slope * self.head(x.flatten(1)).squeeze(1)


class Constant(nn.Module):
    """A D without parameters."""

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x.flatten(1).sum(1) * 0


class ToZero:
    """A loss of G alone: the mean square of its samples."""

    def __init__(self) -> None:
        self.stepped: list[str] = []

    def discriminator(self, game: Any) -> dict[str, Tensor]:
        raise AssertionError("D is never trained")

    def generator(self, game: Any) -> dict[str, Tensor]:
        return {"square": game.fake.square().mean()}

    def after_step(self, game: Any) -> None:
        self.stepped.append(game.player)


class Wide:
    """Normal latents of width sigma."""

    def __init__(self, dim: int, *, sigma: float = 1.0) -> None:
        self.dim, self.sigma = dim, sigma

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.sigma * torch.randn(n, self.dim, generator=generator)


class Particles(nn.Module):
    """A mixture of Gaussians of equal weight, whose centres learn.

    Source: Gurumurthy et al. 2017 (DeLiGAN), arXiv:1706.02071, with one fixed sigma.
    """

    def __init__(
        self, dim: int, *, count: PositiveInt = 20, sigma: PositiveFloat = 0.1, called: str = "mean"
    ) -> None:
        super().__init__()
        self.sigma, self.called = sigma, called
        self.register_parameter(called, nn.Parameter(torch.randn(count, dim)))
        self.register_buffer("drawn", torch.tensor(0))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        centres = self.get_parameter(self.called)
        if self.training:
            self.drawn += n
        chosen = torch.randint(len(centres), (n,), generator=generator)
        noise = torch.randn(n, centres.shape[1], generator=generator)
        return centres[chosen.to(centres.device)] + self.sigma * noise.to(centres.device)


class Seen(nn.Module):
    """A normal latent that counts its draws."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("drawn", torch.tensor(0))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        self.drawn += n
        return torch.randn(n, self.dim, generator=generator)


class Needy:
    """Requires a word of a role."""

    def __init__(self, *, role: str = "", word: str = "acme/word") -> None:
        self.requires: Any = {role: {word}} if role else {word}

    def generator(self, game: Any) -> dict[str, Tensor]:
        return {"nothing": torch.zeros(())}
