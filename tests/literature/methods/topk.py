"""Top-k training: G learns from its best samples only.

Paper: arXiv:2002.06224.

Shows: `prepare` with `replace` of whole rows, `fake_output` included; an annealed share of them.
"""

from ganzoo.api import DiscriminatorOutput, Fraction, Game, PositiveInt, hookimpl


@hookimpl
def register_regularizers(register):
    register("top-k", "local:TopK", paper="arXiv:2002.06224")


class TopK:
    """In G's update, keep the k = max(gamma^epoch, nu) B samples with the highest logits.

    On several processes each keeps the best of its own share of the batch.

    Args:
        epoch_samples: real samples in one epoch.
    """

    capabilities = frozenset({"batch-coupled"})

    def __init__(
        self,
        *,
        gamma: Fraction = 0.99,
        nu: Fraction = 0.5,
        epoch_samples: PositiveInt = 50_000,
    ) -> None:
        self.gamma = gamma
        self.nu = nu
        self.epoch_samples = epoch_samples

    def prepare(self, game: Game) -> Game:
        if game.player == "discriminator":
            return game
        share = max(self.nu, self.gamma ** (game.samples_seen / self.epoch_samples))
        logits = game.fake_logits.reshape(len(game.fake), -1).mean(1)
        best = logits.topk(max(1, int(share * len(logits)))).indices
        output = game.fake_output
        return game.replace(
            latents=game.latents[best],
            fake_labels=None if game.fake_labels is None else game.fake_labels[best],
            fake=game.fake[best],
            fake_output=DiscriminatorOutput(
                logits=output.logits[best],
                features=tuple(feature[best] for feature in output.features),
                class_logits=None if output.class_logits is None else output.class_logits[best],
                extra={name: value[best] for name, value in output.extra.items()},
            ),
        )
