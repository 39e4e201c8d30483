"""The least-squares loss of Mao et al. 2017, arXiv:1611.04076."""

from ganzoo.api import Game, PositiveFloat, Terms


class LeastSquares:
    """D pulls real logits to 1 and generated ones to 0; G pulls its own to 1.

    If D returns K logits per sample, the means run over these too.

    Args:
        factor: multiplies every square; the paper's value is 1/2.

    Source: Mao et al. 2017, arXiv:1611.04076, eq. 9 with b = c = 1 and a = 0.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, factor: PositiveFloat = 0.5) -> None:
        self.factor = factor

    def discriminator(self, game: Game) -> Terms:
        return {
            "real": self.factor * (game.real_logits - 1).square().mean(),
            "fake": self.factor * game.fake_logits.square().mean(),
        }

    def generator(self, game: Game) -> Terms:
        return {"fake": self.factor * (game.fake_logits - 1).square().mean()}
