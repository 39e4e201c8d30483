"""Maximum likelihood: no game, and the baseline that a GAN of text has to beat."""

from ganzoo.api import Game, Terms


class MaximumLikelihood:
    """-log p(x) of real lines in nats, divided by their length L, for G alone.

    Use it with ``train.discriminator_steps: 0``. Its run can be the ``init.generator`` of another.
    """

    capabilities = frozenset({"graph-safe"})
    requires = {"generator": frozenset({"text/likelihood"})}

    def discriminator(self, game: Game) -> Terms:
        return {}

    def generator(self, game: Game) -> Terms:
        log_prob = game.generator_module.log_prob(game.real, game.latents, game.labels)
        return {"nll": -log_prob.mean() / game.spec.shape[0]}
