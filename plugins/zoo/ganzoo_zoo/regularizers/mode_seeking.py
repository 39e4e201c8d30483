"""Mode seeking: Mao et al. 2019, arXiv:1903.05628 (MSGAN)."""

from ganzoo.api import Game, Terms


class ModeSeeking:
    """G's samples must differ as much as their latents (MSGAN).

    G minimises 1 / (mean |G(z1) - G(z2)| / mean |z1 - z2| + 1e-5), with means over the numbers and
    the samples of the batch, as in the authors' code. z1 are the game's latents, z2 new ones; both
    have the same labels. The means are over all processes.

    Source: Mao et al. 2019, arXiv:1903.05628, eq. 4.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})

    def generator(self, game: Game) -> Terms:
        z = game.latent("mode-seeking")
        x = game.generate(z, game.fake_labels)
        samples = game.mean((game.fake - x).abs().mean())
        latents = game.mean((game.latents - z).abs().mean())
        return {"mode_seeking": 1 / (samples / latents + 1e-5)}
