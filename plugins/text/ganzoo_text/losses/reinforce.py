"""Policy gradients with a reward for each token, and a moving baseline."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzoo.api import Fraction, Game, Terms


class Reinforce(nn.Module):
    """G's gradient is that of E sum_t (R_t - b) log p(x_t | x_1 … x_(t-1)).

    R_t = sum_(s >= t) discount^(s-t) r_s, with r_s = 2 sigmoid(D(x)_s) - 1, D's verdict on token
    s. b is the moving mean of R. D minimises the cross entropy of every token. A D with other
    logits than one for each token rewards whole lines: R_t is then the mean over its logits. Log
    probabilities are 0 after the end of a line.

    Args:
        discount: of later rewards.
        decay: of the moving baseline b, in each update.

    Source: de Masson d'Autume et al. 2019 (ScratchGAN), arXiv:1905.09922, eq. 3 to 5; Williams
    1992, doi:10.1007/BF00992696.
    """

    requires = {"generator": frozenset({"score-function", "text/likelihood"})}

    def __init__(self, *, discount: Fraction = 0.9, decay: Fraction = 0.95) -> None:
        super().__init__()
        self.discount, self.decay = discount, decay
        self.register_buffer("baseline", torch.zeros(()))

    def discriminator(self, game: Game) -> Terms:
        real, fake = softplus(-game.real_logits), softplus(game.fake_logits)
        return {"real": real.mean(), "fake": fake.mean()}

    def generator(self, game: Game) -> Terms:
        module = game.generator_module
        log_prob = module.token_log_prob(game.fake, game.latents, game.fake_labels)  # (B, L)
        advantage = self.returns(game) - self.baseline
        return {"policy": -(advantage * log_prob).sum(1).mean()}

    def returns(self, game: Game) -> Tensor:
        """Return R, (B, L)."""
        logits, length = game.fake_logits.detach(), game.spec.shape[0]
        rewards = (2 * logits.sigmoid() - 1).reshape(len(logits), -1)
        if rewards.shape[1] != length:
            return rewards.mean(1, keepdim=True).expand(-1, length)
        total, found = torch.zeros_like(rewards[:, 0]), []
        for reward in rewards.flip(1).unbind(1):
            total = reward + self.discount * total
            found.append(total)
        return torch.stack(found, 1).flip(1)

    def after_step(self, game: Game) -> None:
        if game.player == "generator":
            self.baseline.lerp_(game.mean(self.returns(game).mean()), 1 - self.decay)
