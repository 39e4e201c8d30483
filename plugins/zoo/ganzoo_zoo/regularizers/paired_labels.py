"""The same labels for both sides of an update."""

from ganzoo.api import Game


class PairedLabels:
    """Give each generated sample the label of the real one in its row; it adds no term.

    A relativistic loss of pairs then compares samples of one class, as R3GAN does. Without labels,
    and with conditions, which are the same in both rows anyway, nothing changes.

    Source: Huang et al. 2024, arXiv:2501.05441, in the authors' code.
    """

    capabilities = frozenset({"graph-safe"})

    def prepare(self, game: Game) -> Game:
        return game if game.labels is None else game.replace(fake_labels=game.labels)
