"""The R2 penalty of Mescheder et al. 2018, arXiv:1801.04406."""

from ganzoo.api import Game, NonNegativeFloat, Terms


class R2:
    """gamma/2 E |grad_x D(x)|^2 over generated x.

    Args:
        gamma: of the penalty gamma/2 E |grad_x D(x)|^2.

    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 10.
    """

    capabilities = frozenset({"fake-gradient", "graph-safe"})

    def __init__(self, *, gamma: NonNegativeFloat = 10.0) -> None:
        self.gamma = gamma

    def discriminator(self, game: Game) -> Terms:
        _, gradient = game.input_gradient(game.fake, game.fake_labels)
        return {"r2": self.gamma / 2 * gradient.square().flatten(1).sum(1).mean()}
