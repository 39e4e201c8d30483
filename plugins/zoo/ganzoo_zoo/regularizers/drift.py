"""ProGAN's drift term, Karras et al. 2018, arXiv:1710.10196."""

from ganzoo.api import Game, Terms


class Drift:
    """E D(x)^2 over real x, which keeps the critic's output near 0.

    A Wasserstein loss is the same for D and D plus a constant, so the outputs may drift away. The
    paper's weight is 0.001: give it as `weight` in the recipe.

    Source: Karras et al. 2018, arXiv:1710.10196, appendix A.1.
    """

    capabilities = frozenset({"graph-safe"})

    def discriminator(self, game: Game) -> Terms:
        return {"drift": game.real_logits.square().mean()}
