"""The hinge loss of Lim & Ye 2017, arXiv:1705.02894."""

from torch.nn.functional import relu

from ganzoo.api import Game, Terms


class Hinge:
    """D pushes real logits above +1 and fake ones below -1; G pulls fake logits up.

    If D returns K logits per sample, the means run over these too.

    Source: Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, eq. 16-17.
    """

    capabilities = frozenset({"graph-safe"})

    def discriminator(self, game: Game) -> Terms:
        return {
            "real": relu(1 - game.real_logits).mean(),
            "fake": relu(1 + game.fake_logits).mean(),
        }

    def generator(self, game: Game) -> Terms:
        return {"fake": -game.fake_logits.mean()}
