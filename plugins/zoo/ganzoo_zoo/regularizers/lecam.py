"""LeCam regularization: Tseng et al. 2021, arXiv:2104.03310."""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganzoo.api import Fraction, Game, NonNegativeInt, Terms


class LeCam(nn.Module):
    """Hold D's logits near a moving average of the other side's.

    E relu(D(x) - a_F)^2 + E relu(a_R - D(G(z)))^2, where a_R and a_F are exponential moving
    averages of the mean real and the mean generated logit; set the factor by `weight` in the
    recipe, such as 0.3. An average is updated before its term, over all processes.

    Without `start_updates` the averages are corrected for their start at 0, as Adam's are. With it,
    they are the current means before that number of D's updates, and the term is 0 up to it.

    Args:
        decay: of the moving averages, per update.
        start_updates: D's updates before the averages start; StudioGAN has 1,000.
        rectified: clip each distance at 0, as the authors' code does; false is eq. 7 as printed.

    Source: Tseng et al. 2021, arXiv:2104.03310, eq. 7 and 8.
    """

    capabilities = frozenset({"graph-safe"})
    a_R: Tensor
    a_F: Tensor
    updates: Tensor

    def __init__(
        self,
        *,
        decay: Fraction = 0.99,
        start_updates: NonNegativeInt = 0,
        rectified: bool = True,
    ) -> None:
        super().__init__()
        self.decay = decay
        self.start_updates = start_updates
        self.rectified = rectified
        self.register_buffer("a_R", torch.zeros(()))
        self.register_buffer("a_F", torch.zeros(()))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def discriminator(self, game: Game) -> Terms:
        a_R, a_F = self.averages(
            game.mean(game.real_logits.mean()), game.mean(game.fake_logits.mean())
        )
        real, fake = game.real_logits - a_F, a_R - game.fake_logits
        if self.rectified:
            real, fake = relu(real), relu(fake)
        term = real.square().mean() + fake.square().mean()
        if self.start_updates:
            term = term * (self.updates > self.start_updates + 1).to(term)
        return {"lecam": term}

    def averages(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Update the averages by the means of a batch, and return a_R and a_F."""
        if self.start_updates:
            decay = self.decay * (self.updates >= self.start_updates).to(self.a_R)
            correction = torch.ones_like(self.a_R)
        else:
            decay = torch.full_like(self.a_R, self.decay)
            correction = 1 - decay ** (self.updates + 1)
        for average, mean in ((self.a_R, real), (self.a_F, fake)):
            average.copy_(decay * average + (1 - decay) * mean.detach())
        self.updates += 1
        return self.a_R / correction, self.a_F / correction
