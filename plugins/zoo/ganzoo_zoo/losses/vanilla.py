"""The original game of Goodfellow et al. 2014, arXiv:1406.2661."""

from torch.nn.functional import softplus

from ganzoo.api import Game, Terms


class Vanilla:
    """The original GAN loss, non-saturating by default.

    D minimises -E log sigmoid(D(x)) - E log(1 - sigmoid(D(G(z)))), eq. 1. G minimises
    -E log sigmoid(D(G(z))), which has the same fixed point and a useful gradient when D rejects
    everything (section 3); with `saturating` it minimises E log(1 - sigmoid(D(G(z)))), the minimax
    game itself. Softplus keeps large logits from overflowing. If D returns K logits per sample, the
    means run over these too.

    Args:
        saturating: play the minimax game of eq. 1 instead of the non-saturating one.

    Source: Goodfellow et al. 2014, arXiv:1406.2661.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, saturating: bool = False) -> None:
        self.saturating = saturating

    def discriminator(self, game: Game) -> Terms:
        return {
            "real": softplus(-game.real_logits).mean(),
            "fake": softplus(game.fake_logits).mean(),
        }

    def generator(self, game: Game) -> Terms:
        if self.saturating:
            return {"fake": -softplus(game.fake_logits).mean()}
        return {"fake": softplus(-game.fake_logits).mean()}
