"""The Wasserstein loss of Arjovsky et al. 2017, arXiv:1701.07875."""

from ganzoo.api import Game, Terms


class Wasserstein:
    """Difference of the critic's means.

    The critic minimises E D(G(z)) - E D(x), eq. 2 and algorithm 1; G minimises -E D(G(z)). It is a
    distance only if D is Lipschitz: combine the loss with `weight-clipping` (the paper), a gradient
    penalty (`gradient-penalty`, `dragan`, `wgan-div`, `sobolev`) or spectral norm. `wgan-gp` is
    this loss with its penalty.

    Source: Arjovsky et al. 2017, arXiv:1701.07875.
    """

    capabilities = frozenset({"graph-safe"})

    def discriminator(self, game: Game) -> Terms:
        return {"real": -game.real_logits.mean(), "fake": game.fake_logits.mean()}

    def generator(self, game: Game) -> Terms:
        return {"fake": -game.fake_logits.mean()}
