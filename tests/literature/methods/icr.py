"""bCR and zCR: D says the same of a sample and of a changed one (improved consistency).

Paper: arXiv:2002.04724, algorithms 1 (bCR) and 2 (zCR).

Shows: `discriminate` and `generate` of other samples and latents, a game as a source of noise.
"""

import torch
from torch import Tensor

from ganzoo.api import Game, Noise, NonNegativeFloat, Terms, hookimpl


@hookimpl
def register_regularizers(register):
    register("bcr", "local:BalancedConsistency", modalities={"image"}, paper="arXiv:2002.04724")
    register("zcr", "local:LatentConsistency", paper="arXiv:2002.04724")


class BalancedConsistency:
    """lambda_real E |D(x) - D(T(x))|^2 + lambda_fake E |D(G(z)) - D(T(G(z)))|^2."""

    def __init__(
        self, *, lambda_real: NonNegativeFloat = 10.0, lambda_fake: NonNegativeFloat = 10.0
    ) -> None:
        self.lambda_real = lambda_real
        self.lambda_fake = lambda_fake

    def discriminator(self, game: Game) -> Terms:
        real = game.discriminate(flip_and_shift(game.real, game, "real"), game.labels).logits
        fake = game.discriminate(flip_and_shift(game.fake, game, "fake"), game.fake_labels).logits
        return {
            "real": self.lambda_real * (game.real_logits - real).square().mean(),
            "fake": self.lambda_fake * (game.fake_logits - fake).square().mean(),
        }


def flip_and_shift(x: Tensor, noise: Noise, name: str) -> Tensor:
    """T: flip half of the images, and shift each by up to 1/8 of its sides, wrapping around."""
    x = torch.where(noise.uniform(f"{name}/flip", 1, 1, 1) < 0.5, x, x.flip(-1))
    for axis in (2, 3):
        size = x.shape[axis]
        shift = ((2 * noise.uniform(f"{name}/shift{axis}", 1) - 1) * (size // 8 + 0.5)).round()
        places = (torch.arange(size, device=x.device) + shift.long()) % size  # (B, size)
        places = places.view(len(x), 1, *((-1, 1) if axis == 2 else (1, -1)))
        x = x.take_along_dim(places, axis)
    return x


class LatentConsistency:
    """Noise on z must not change what D says, and must change what G makes.

    D: lambda_dis E |D(G(z)) - D(G(z + dz))|^2, G: -lambda_gen E |G(z) - G(z + dz)|^2, with
    dz ~ N(0, sigma^2).
    """

    def __init__(
        self,
        *,
        sigma: NonNegativeFloat = 0.03,
        lambda_dis: NonNegativeFloat = 5.0,
        lambda_gen: NonNegativeFloat = 0.5,
    ) -> None:
        self.sigma = sigma
        self.lambda_dis = lambda_dis
        self.lambda_gen = lambda_gen

    def discriminator(self, game: Game) -> Terms:
        moved = game.discriminate(self.moved(game), game.fake_labels).logits
        return {"zcr": self.lambda_dis * (game.fake_logits - moved).square().mean()}

    def generator(self, game: Game) -> Terms:
        distance = (game.fake - self.moved(game)).square().flatten(1).sum(1)
        return {"zcr": -self.lambda_gen * distance.mean()}

    def moved(self, game: Game) -> Tensor:
        dz = self.sigma * game.normal("dz", *game.latents.shape[1:])
        return game.generate(game.latents + dz, game.fake_labels)
