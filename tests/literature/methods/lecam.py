"""LeCam regularization: hold D's logits near a moving average of the other side's.

Paper: arXiv:2104.03310, with the ReLU of the authors' code.

Shows: a regularizer with state (two buffers), `after_step`, `mean` over processes.
"""

import torch
from torch import nn
from torch.nn.functional import relu

from ganzoo.api import Fraction, Game, Terms, hookimpl


@hookimpl
def register_regularizers(register):
    register("lecam", "local:LeCam", paper="arXiv:2104.03310")


class LeCam(nn.Module):
    """E relu(D(x) - a_F)^2 + E relu(a_R - D(G(z)))^2.

    a_R and a_F are exponential moving averages of D's real and generated logits.
    """

    def __init__(self, *, decay: Fraction = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("a_R", torch.zeros(()))
        self.register_buffer("a_F", torch.zeros(()))

    def discriminator(self, game: Game) -> Terms:
        real = relu(game.real_logits - self.a_F).square().mean()
        fake = relu(self.a_R - game.fake_logits).square().mean()
        return {"lecam": real + fake}

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            for average, logits in ((self.a_R, game.real_logits), (self.a_F, game.fake_logits)):
                average.lerp_(game.mean(logits.mean()).to(average), 1 - self.decay)
