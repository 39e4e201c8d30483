"""Weight clipping of the first WGAN: Arjovsky et al. 2017, arXiv:1701.07875."""

from ganzoo.api import Game, PositiveFloat


class WeightClipping:
    """Clip D's weights to [-c, c] after each of its updates.

    All trained parameters of D are clipped, biases and the gains of norms included. With the loss
    `wasserstein` and RMSprop this is WGAN.

    Args:
        c: largest absolute value of a weight.

    Source: Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, c: PositiveFloat = 0.01) -> None:
        self.c = c

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            for weights in game.discriminator_module.parameters():
                if weights.requires_grad:
                    weights.clamp_(-self.c, self.c)
