"""The distance of real images to what D's decoders draw of them."""

from ganzoo.api import Game, Terms


class Reconstruction:
    """D: sum over its decoders of E |decoded - x|^2, over real x only.

    The discriminator `fastgan` has such decoders. The distance is the mean over pixels; the paper
    has LPIPS with VGG's features instead, summed over a batch of 8.

    Source: Liu et al. 2021, arXiv:2101.04775, eq. 4.
    """

    capabilities = frozenset({"graph-safe"})
    requires = {"discriminator": {"zoo/reconstruction"}}

    def discriminator(self, game: Game) -> Terms:
        distances = game.real_output.extra["reconstruction"]
        return {"reconstruction": distances.float().sum(1).mean()}
