"""APA: show D some generated samples as real ones, as many as it overfits.

Paper: arXiv:2111.06849.

Shows: `prepare` that replaces the real batch with its labels, adaptation in `after_step`.
"""

import torch
from torch import nn

from ganzoo.api import Fraction, Game, PositiveInt, hookimpl


@hookimpl
def register_regularizers(register):
    register("apa", "local:AdaptivePseudo", paper="arXiv:2111.06849")


class AdaptivePseudo(nn.Module):
    """Replace each real sample of D's update with probability p by the generated one of its row.

    While lambda_r, the mean sign of D's real logits, is above `target`, p rises by 1 in
    `apa_samples` real samples; below it falls as fast. The authors take the generated samples from
    G's last update, StudioGAN takes them from this batch, as is done here.

    Args:
        p: the first p.
    """

    def __init__(
        self,
        *,
        p: Fraction = 0.0,
        target: Fraction = 0.6,
        apa_samples: PositiveInt = 500_000,
    ) -> None:
        super().__init__()
        self.register_buffer("p", torch.tensor(float(p)))
        self.register_buffer("samples_seen", torch.zeros((), dtype=torch.int64))
        self.target = target
        self.apa_samples = apa_samples

    def prepare(self, game: Game) -> Game:
        if game.player == "generator":
            return game
        pseudo = game.uniform("pseudo") < self.p.to(game.real)  # (B,)
        rows = pseudo.view(-1, *(1 for _ in game.real.shape[1:]))
        real = torch.where(rows, game.fake.detach(), game.real)
        if game.labels is None:
            return game.replace(real=real)
        return game.replace(real=real, labels=torch.where(pseudo, game.fake_labels, game.labels))

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            lambda_r = game.mean(game.real_logits.sign().mean()).to(self.p)
            new = game.samples_seen - self.samples_seen
            self.p += (lambda_r - self.target).sign() * new / self.apa_samples
            self.p.clamp_(0, 1)
            self.samples_seen.fill_(game.samples_seen)
