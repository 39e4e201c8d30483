"""Adaptive pseudo augmentation: deceive a D that overfits with generated samples as real ones."""

import torch
from torch import Tensor, nn

from ganzoo.api import Fraction, Game, PositiveInt
from ganzoo_zoo.blocks.adaptive import AdaptiveProbability


class AdaptivePseudoAugmentation(nn.Module):
    """Replace each real sample of D's update by the generated one of its row, with probability p.

    While lambda_r, the mean sign of D's logits of what it is shown as real, is above `target`, p
    rises by 1 in `apa_samples` real samples; below it falls as fast. With labels, a generated
    sample brings its own.

    The generated samples are those of the same update; the authors keep those of G's last one.

    Args:
        p: at the start.
        target: of lambda_r; null keeps p constant.
        interval: updates of D between two changes of p.
        apa_samples: real samples in which p rises from 0 to 1.

    Source: Jiang et al. 2021, arXiv:2111.06849, section 3.
    """

    samples_seen: Tensor

    def __init__(
        self,
        *,
        p: Fraction = 0.0,
        target: Fraction | None = 0.6,
        interval: PositiveInt = 4,
        apa_samples: PositiveInt = 500_000,
    ) -> None:
        super().__init__()
        self.adaptive = AdaptiveProbability(p, target, interval, apa_samples)
        self.register_buffer("samples_seen", torch.zeros((), dtype=torch.int64))

    def prepare(self, game: Game) -> Game:
        """Return the game with some of the real samples replaced."""
        if game.player == "generator":
            return game
        pseudo = game.uniform("pseudo") < self.adaptive.p.to(game.real)  # (B,)
        rows = pseudo.view(-1, *(1 for _ in game.real.shape[1:]))
        real = torch.where(rows, game.fake.detach(), game.real)
        if game.labels is None or game.fake_labels is None:
            return game.replace(real=real)
        return game.replace(real=real, labels=torch.where(pseudo, game.fake_labels, game.labels))

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            lambda_r = game.mean(game.real_logits.sign().mean())
            self.adaptive.update(lambda_r, game.samples_seen - self.samples_seen)
            self.samples_seen.fill_(game.samples_seen)
