"""Feature matching as the generator's whole loss: Salimans et al. 2016, arXiv:1606.03498."""

from torch.nn.functional import softplus

from ganzoo.api import Game, Terms
from ganzoo_zoo.regularizers.feature_matching import FeatureMatching as Matching


class FeatureMatching:
    """The vanilla loss for D; G matches the mean of D's last features.

    G minimises |E f(x) - E f(G(z))|^2, section 3.1. To add the term to another loss, use the
    regularizer `feature-matching`.

    Source: Salimans et al. 2016, arXiv:1606.03498.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})
    requires = frozenset({"features"})

    def discriminator(self, game: Game) -> Terms:
        return {
            "real": softplus(-game.real_logits).mean(),
            "fake": softplus(game.fake_logits).mean(),
        }

    def generator(self, game: Game) -> Terms:
        return Matching().generator(game)
