"""The constraint of Sobolev GAN: Mroueh et al. 2018, arXiv:1711.04894."""

import torch
from torch import Tensor, nn

from ganzoo.api import Game, NonNegativeFloat, Terms


class Sobolev(nn.Module):
    """Hold the mean squared gradient of D at 1 by an augmented Lagrangian.

    D minimises -lambda (1 - Omega) + rho/2 (Omega - 1)^2 on top of the loss `wasserstein`, where
    Omega is the mean of |grad D|^2 over real and generated samples with half the weight each. After
    each update lambda grows by rho (Omega - 1). Omega is over all processes.

    Args:
        rho: weight of the quadratic term, and step of the multiplier lambda.

    Source: Mroueh et al. 2018, arXiv:1711.04894, algorithm 1.
    """

    capabilities = frozenset({"batch-coupled", "fake-gradient", "graph-safe", "real-gradient"})
    multiplier: Tensor
    omega: Tensor

    def __init__(self, *, rho: NonNegativeFloat = 1e-5) -> None:
        super().__init__()
        self.rho = rho
        self.register_buffer("multiplier", torch.zeros(()))
        self.register_buffer("omega", torch.ones(()))

    def discriminator(self, game: Game) -> Terms:
        _, of_real = game.input_gradient(game.real, game.labels)
        _, of_fake = game.input_gradient(game.fake, game.fake_labels)
        real, fake = (each.square().flatten(1).sum(1).mean() for each in (of_real, of_fake))
        omega = game.mean((real + fake) / 2)
        self.omega.copy_(omega.detach())
        constraint = self.multiplier * (1 - omega) - self.rho / 2 * (omega - 1).square()
        return {"sobolev": -constraint}

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            self.multiplier += self.rho * (self.omega - 1)
