"""Self-supervision by rotation, of SSGAN."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.api import Game, NonNegativeFloat, Terms
from ganzoo_zoo.blocks.precision import full_precision


class Rotation:
    """D tells by how many quarter turns an image was rotated; G makes images for which it can.

    D: -beta E log Q(r | x turned by r), G: -alpha E log Q(r | G(z) turned by r), with Q in D's head
    ``rotation``. The adversarial loss sees upright images only. An image is augmented before it is
    turned.

    Args:
        alpha: weight in G.
        beta: weight in D.
        all_turns: turn every image by 0, 1, 2 and 3 quarters, which takes four times as long;
            otherwise image i of the batch is turned by i mod 4 quarters.

    Source: Chen et al. 2019, arXiv:1811.11212.
    """

    capabilities = frozenset({"graph-safe"})
    requires = frozenset({"zoo/rotation"})

    def __init__(
        self,
        *,
        alpha: NonNegativeFloat = 0.2,
        beta: NonNegativeFloat = 1.0,
        all_turns: bool = False,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.all_turns = all_turns

    def discriminator(self, game: Game) -> Terms:
        return {"rotation": self.beta * self.error(game, game.real, game.labels)}

    def generator(self, game: Game) -> Terms:
        return {"rotation": self.alpha * self.error(game, game.fake, game.fake_labels)}

    def error(self, game: Game, x: Tensor, y: Tensor | None) -> Tensor:
        x = game.augment(x)
        if self.all_turns:
            turned = torch.cat([x.rot90(quarters, (2, 3)) for quarters in range(4)])
            turns = torch.arange(4, device=x.device).repeat_interleave(len(x))
            y = None if y is None else y.repeat(4)
        else:
            turns = torch.arange(len(x), device=x.device) % 4
            turned = torch.stack([x.rot90(quarters, (2, 3)) for quarters in range(4)])
            turned = turned[turns, torch.arange(len(x), device=x.device)]
        guesses = game.discriminate(turned, y, augment=False).extra["rotation"]
        return cross_entropy(full_precision(guesses), turns)
