"""LOGAN: one natural-gradient step on z before both updates.

Paper: arXiv:1912.00953.

Shows: `prepare` for both players, D's gradient pulled back through G (`generator-graph`).
"""

import torch

from ganzoo.api import Game, NonNegativeFloat, PositiveFloat, Terms, hookimpl


@hookimpl
def register_regularizers(register):
    register("latent-optimisation", "local:LatentOptimisation", paper="arXiv:1912.00953")


class LatentOptimisation:
    """z' = clip(z + dz, -1, 1) with dz = alpha g / (beta + |g|^2) and g = dD(G(z))/dz.

    Both players pay w_r |dz|^2, and both learn through dz. z is meant to be uniform on [-1, 1].
    """

    capabilities = frozenset({"generator-graph", "input-gradient"})

    def __init__(
        self,
        *,
        alpha: NonNegativeFloat = 0.9,
        beta: PositiveFloat = 5.0,
        w_r: NonNegativeFloat = 300.0,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.w_r = w_r

    def prepare(self, game: Game) -> Game:
        z = game.latents.detach().requires_grad_()
        x = game.generate(z, game.fake_labels)
        _, dD_dx = game.input_gradient(x, game.fake_labels)
        (g,) = torch.autograd.grad(x, z, dD_dx, create_graph=True)
        self.dz = self.alpha * g / (self.beta + g.square().sum(1, keepdim=True))
        return game.replace(latents=(z + self.dz).clamp(-1, 1))

    def discriminator(self, game: Game) -> Terms:
        return {"cost": self.w_r * self.dz.square().sum(1).mean()}

    generator = discriminator
