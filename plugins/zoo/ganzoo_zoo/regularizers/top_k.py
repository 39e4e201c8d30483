"""Top-k training of G: Sinha et al. 2020, arXiv:2002.06224."""

from ganzoo.api import DiscriminatorOutput, Fraction, Game, PositiveInt


class TopK:
    """G learns from its best samples only.

    In G's update, the k samples with the highest logits are kept, k = max(gamma^n, nu) B rounded
    down, where n is the number of whole epochs so far and B the batch. The loss and all
    regularizers see only these. With K logits per sample the mean decides. On several processes
    each keeps the best of its own share of the batch.

    Args:
        gamma: factor on k after each epoch.
        nu: the least share of the batch.
        epoch_samples: real samples in one epoch; CIFAR-10 has 50,000.

    Source: Sinha et al. 2020, arXiv:2002.06224, section 3.
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
        output, rows = game.fake_output, len(game.fake)
        if len(output.logits) != rows:
            raise ValueError("top-k needs a logit for each sample, and D packs several into one")
        k = self.count(rows, game.samples_seen)
        best = output.logits.reshape(rows, -1).mean(1).topk(k).indices
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

    def count(self, rows: int, samples_seen: int) -> int:
        """Return k for a batch of `rows`."""
        share = max(self.nu, self.gamma ** (samples_seen // self.epoch_samples))
        return max(1, int(share * rows))
