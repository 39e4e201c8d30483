"""The drift penalty of Karras et al. 2018, arXiv:1710.10196."""

from ganzoo.api import Game, NonNegativeFloat, Terms


class Drift:
    """Keeps real logits near 0.

    epsilon E D(x)^2. A loss that depends only on differences of logits lets them drift.

    Args:
        epsilon: factor on the squared logits; the paper has 0.001.

    Source: Karras et al. 2018 (progressive growing), arXiv:1710.10196, appendix A.1.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, epsilon: NonNegativeFloat = 1e-3) -> None:
        self.epsilon = epsilon

    def discriminator(self, game: Game) -> Terms:
        return {"drift": self.epsilon * game.real_logits.square().mean()}
