"""Latent optimisation (LOGAN): Wu et al. 2019, arXiv:1912.00953."""

import torch

from ganzoo.api import Fraction, Game, NonNegativeFloat, PositiveFloat, Terms


class LatentOptimisation:
    """Move z along the gradient of D(G(z)) before both updates (LOGAN).

    z' = clip(z + dz, -1, 1), with dz = alpha g / (beta + |g|^2) and g the gradient of D(G(z)) with
    respect to z, eq. 10 and 11. Both players also minimise w_r E |dz|^2, and both are trained
    through dz. The latent should be `uniform`: values beyond the interval are clipped.

    Args:
        alpha: size of the step.
        beta: damping of the natural gradient.
        w_r: factor of the cost of moving.
        share: probability that a sample's z is moved; StudioGAN has 0.8.

    Source: Wu et al. 2019, arXiv:1912.00953.
    """

    capabilities = frozenset({"generator-graph", "graph-safe", "input-gradient"})

    def __init__(
        self,
        *,
        alpha: NonNegativeFloat = 0.9,
        beta: PositiveFloat = 5.0,
        w_r: NonNegativeFloat = 300.0,
        share: Fraction = 1.0,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.w_r = w_r
        self.share = share

    def prepare(self, game: Game) -> Game:
        z = game.latents.detach().requires_grad_()
        x = game.generate(z, game.fake_labels)
        _, dD_dx = game.input_gradient(x, game.fake_labels)
        (g,) = torch.autograd.grad(x, z, dD_dx, create_graph=True)
        self.dz = self.alpha * g / (self.beta + g.square().sum(1, keepdim=True))
        moved = game.uniform("latent-optimisation", 1) < self.share
        return game.replace(latents=torch.where(moved, (z + self.dz).clamp(-1, 1), z))

    def discriminator(self, game: Game) -> Terms:
        return {"cost": self.w_r * self.dz.square().sum(1).mean()}

    generator = discriminator
