"""The Wasserstein critic with gradient penalty of Gulrajani et al. 2017, arXiv:1704.00028."""

from ganzoo.api import Game, NonNegativeFloat, Terms
from ganzoo_zoo.regularizers.gradient_penalty import GradientPenalty


class WassersteinGP:
    """Wasserstein loss with gradient penalty.

    The critic minimises E D(G(z)) - E D(x) + lambda E (|grad D(x_hat)| - 1)^2, eq. 3; G minimises
    -E D(G(z)). The penalty is part of the method, so it is part of the loss. For a one-sided or
    lazy penalty combine another loss with the regularizer ``gradient-penalty``.

    Args:
        lambda_gp: factor on the penalty, lambda of eq. 3; the paper has 10.

    Source: Gulrajani et al. 2017, arXiv:1704.00028; Arjovsky et al. 2017, arXiv:1701.07875.
    """

    capabilities = frozenset({"graph-safe", "input-gradient"})

    def __init__(self, *, lambda_gp: NonNegativeFloat = 10.0) -> None:
        self.lambda_gp = lambda_gp

    def discriminator(self, game: Game) -> Terms:
        penalty = GradientPenalty(lambda_gp=self.lambda_gp)
        return {
            "real": -game.real_logits.mean(),
            "fake": game.fake_logits.mean(),
            **penalty.discriminator(game),
        }

    def generator(self, game: Game) -> Terms:
        return {"fake": -game.fake_logits.mean()}
