"""The R1 penalty of Mescheder et al. 2018, arXiv:1801.04406."""

from ganzoo.api import Game, NonNegativeFloat, Terms


class R1:
    """gamma/2 E |grad_x D(x)|^2 over real x.

    Args:
        gamma: of the penalty gamma/2 E |grad_x D(x)|^2; the paper has 10.

    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9.
    """

    capabilities = frozenset({"graph-safe", "real-gradient"})

    def __init__(self, *, gamma: NonNegativeFloat = 10.0) -> None:
        self.gamma = gamma

    def discriminator(self, game: Game) -> Terms:
        _, gradient = game.input_gradient(game.real, game.labels)
        return {"r1": self.gamma / 2 * gradient.square().flatten(1).sum(1).mean()}
