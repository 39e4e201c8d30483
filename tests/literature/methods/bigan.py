"""BiGAN: an encoder learns with G, and D tells pairs (x, E(x)) from pairs (G(z), z).

Paper: arXiv:1605.09782, equations 4 and 5; also ALI, arXiv:1606.00704.

Shows: a player of two networks, a method of G's own, `discriminate` of another form.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from ganzoo.api import Game, PositiveInt, SampleSpec, Terms, hookimpl

EXPECTED_FAILURES = {
    "generator local/bigan: gradients": "E is not part of forward: the loss calls encode"
}


@hookimpl
def register_generators(register):
    register("bigan", "local:Generator", paper="arXiv:1605.09782")


@hookimpl
def register_discriminators(register):
    register("bigan", "local:Discriminator", paper="arXiv:1605.09782")


@hookimpl
def register_losses(register):
    register("bigan", "local:Loss", paper="arXiv:1605.09782")


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, outputs))


class Generator(nn.Module):
    """G and the encoder E, which goes back from a sample to its z."""

    capabilities = frozenset({"graph-safe", "local/encoder", "unbounded"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 64, latent_dim: PositiveInt = 8
    ) -> None:
        super().__init__()
        self.latent_dim, self.shape = latent_dim, spec.model_shape
        self.G = perceptron(latent_dim, width, spec.size)
        self.E = perceptron(spec.size, width, latent_dim)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.G(z).view(-1, *self.shape)

    def encode(self, x: Tensor) -> Tensor:
        return self.E(x.flatten(1))


class Discriminator(nn.Module):
    """D of vectors (x, z). Where z is missing, as for `game.real_logits`, it is 0."""

    capabilities = frozenset({"graph-safe", "local/pairs"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 64, latent_dim: PositiveInt = 8
    ) -> None:
        super().__init__()
        self.inputs = spec.size + latent_dim
        self.body = perceptron(self.inputs, width, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = x.flatten(1)
        return self.body(pad(x, (0, self.inputs - x.shape[1]))).squeeze(1)


class Loss:
    """D: -E log D(x, E(x)) - E log(1 - D(G(z), z)). G and E have the two labels swapped."""

    requires = {"generator": {"local/encoder"}, "discriminator": {"local/pairs"}}

    def discriminator(self, game: Game) -> Terms:
        with torch.no_grad():
            z = game.generator_module.encode(game.real)
        real, fake = self.logits(game, z)
        return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}

    def generator(self, game: Game) -> Terms:
        real, fake = self.logits(game, game.generator_module.encode(game.real))
        return {"real": softplus(real).mean(), "fake": softplus(-fake).mean()}

    def logits(self, game: Game, z: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(
            game.discriminate(torch.cat([game.augment(x).flatten(1), z], 1), augment=False).logits
            for x, z in ((game.real, z), (game.fake, game.latents))
        )
