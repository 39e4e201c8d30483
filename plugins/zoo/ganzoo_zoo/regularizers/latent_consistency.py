"""Latent consistency regularization (zCR): Zhao et al. 2021, arXiv:2002.04724."""

from torch import Tensor

from ganzoo.api import Game, NonNegativeFloat, Terms


class LatentConsistency:
    """Noise on z must not change what D says, and must change what G makes (zCR).

    D minimises lambda_dis E (D(G(z)) - D(G(z + dz)))^2, and G minimises
    -lambda_gen E |G(z) - G(z + dz)|^2, with dz normal of standard deviation `sigma`. The norm is
    the mean over the numbers of a sample, as in StudioGAN. With `consistency` of both sides (bCR)
    this is ICR.

    Args:
        sigma: standard deviation of dz.
        lambda_dis: factor of D's term.
        lambda_gen: factor of G's term.

    Source: Zhao et al. 2021, arXiv:2002.04724, algorithm 2; the defaults of StudioGAN.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        *,
        sigma: NonNegativeFloat = 0.05,
        lambda_dis: NonNegativeFloat = 20.0,
        lambda_gen: NonNegativeFloat = 0.5,
    ) -> None:
        self.sigma = sigma
        self.lambda_dis = lambda_dis
        self.lambda_gen = lambda_gen

    def discriminator(self, game: Game) -> Terms:
        moved = game.discriminate(self.moved(game).detach(), game.fake_labels).logits
        return {"zcr": self.lambda_dis * (game.fake_logits - moved).square().mean()}

    def generator(self, game: Game) -> Terms:
        return {"zcr": -self.lambda_gen * (game.fake - self.moved(game)).square().mean()}

    def moved(self, game: Game) -> Tensor:
        """Return G(z + dz)."""
        dz = self.sigma * game.normal("latent-consistency", *game.latents.shape[1:])
        return game.generate(game.latents + dz, game.fake_labels)
