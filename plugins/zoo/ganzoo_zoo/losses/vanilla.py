"""The original game of Goodfellow et al. 2014, arXiv:1406.2661."""

from torch.nn.functional import softplus

from ganzoo.api import Fraction, Game, Terms


class Vanilla:
    """The original GAN loss, non-saturating by default.

    D minimises -E log sigmoid(D(x)) - E log(1 - sigmoid(D(G(z)))), eq. 1. G minimises
    -E log sigmoid(D(G(z))), which has the same fixed point and a useful gradient when D rejects
    everything (section 3); with `saturating` it minimises E log(1 - sigmoid(D(G(z)))), the minimax
    game itself. Softplus keeps large logits from overflowing. If D returns K logits per sample, the
    means run over these too.

    With `label_smoothing` s, D's target for real samples is the probability 1 - s instead of 1;
    that for generated samples stays 0 (one-sided).

    Args:
        saturating: play the minimax game of eq. 1 instead of the non-saturating one.
        label_smoothing: s, the probability that real samples lack to 1.

    Source: Goodfellow et al. 2014, arXiv:1406.2661; label smoothing: Salimans et al. 2016,
    arXiv:1606.03498, section 3.4.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, saturating: bool = False, label_smoothing: Fraction = 0.0) -> None:
        self.saturating = saturating
        self.label_smoothing = label_smoothing

    def discriminator(self, game: Game) -> Terms:
        # (1 - s) softplus(-D(x)) + s softplus(D(x)) = softplus(-D(x)) + s D(x)
        smoothed = softplus(-game.real_logits) + self.label_smoothing * game.real_logits
        return {
            "real": smoothed.mean(),
            "fake": softplus(game.fake_logits).mean(),
        }

    def generator(self, game: Game) -> Terms:
        if self.saturating:
            return {"fake": -softplus(game.fake_logits).mean()}
        return {"fake": softplus(-game.fake_logits).mean()}
