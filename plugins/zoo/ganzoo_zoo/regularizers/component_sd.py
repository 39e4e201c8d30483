"""The penalty of DeLiGAN on the components of a learned mixture, arXiv:1706.02071."""

from ganzoo.api import Game, Terms


class ComponentSd:
    """Mean of (1 - sigma)^2 over components and coordinates: no component shrinks to a point.

    For the latent `mixture`, whose standard deviations sigma could otherwise fall to 0. The paper
    leaves its weight open.

    Source: Gurumurthy et al. 2017, arXiv:1706.02071, the L2 regularizer of sigma in G's objective.
    """

    requires = {"latent": {"zoo/component-sds"}}
    capabilities = frozenset({"graph-safe"})

    def generator(self, game: Game) -> Terms:
        return {"component-sd": (1 - game.latent_module.sds).square().mean()}
