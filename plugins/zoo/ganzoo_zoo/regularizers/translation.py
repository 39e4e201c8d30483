"""Distances between images that translation adds to G's loss: to the truth, and after a cycle."""

import torch
from torch.nn.functional import l1_loss

from ganzoo.api import Game, NonNegativeFloat, Terms


class Pixel:
    """E |G(z, y) - x|: the distance to the real image with the same condition y.

    It is the mean over all pixels and channels, in the model form, where black is -1 and white 1.

    Args:
        lambda_pixel: weight; the paper has 100.

    Source: Isola et al. 2017, arXiv:1611.07004, eq. 3.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, *, lambda_pixel: NonNegativeFloat = 100.0) -> None:
        self.lambda_pixel = lambda_pixel

    def generator(self, game: Game) -> Terms:
        return {"pixel": self.lambda_pixel * l1_loss(game.fake, game.real)}


class Cycle:
    """E |F(G(a)) - a| + E |G(F(b)) - b|, and the same for F(a) - a and G(b) - b.

    For a generator that translates both ways: from (a, b) side by side to (F(b), G(a)). The terms
    are means over both images, and D's logits are those of two critics, so all terms are half of
    the authors': the ratios are theirs.

    Args:
        lambda_cycle: weight of the cycle; the paper has 10.
        identity: weight of the identity terms, as a multiple of `lambda_cycle`. The authors have
            0.5 by default, and 0 for some data.

    Source: Zhu et al. 2017, arXiv:1703.10593, eq. 2 and section 5.2.
    """

    capabilities = frozenset({"conditional"})
    requires = {"generator": {"zoo/both-ways"}}

    def __init__(
        self, *, lambda_cycle: NonNegativeFloat = 10.0, identity: NonNegativeFloat = 0.5
    ) -> None:
        self.lambda_cycle = lambda_cycle
        self.identity = identity

    def generator(self, game: Game) -> Terms:
        given = game.fake_labels
        assert given is not None  # `conditional`: the recipe gives conditions
        again = game.generate(game.latents, game.fake)
        terms = {"cycle": self.lambda_cycle * l1_loss(again, given)}
        if self.identity:
            a, b = given.chunk(2, dim=3)
            same = game.generate(game.latents, torch.cat([b, a], 3))
            terms["identity"] = self.identity * self.lambda_cycle * l1_loss(same, given)
        return terms
