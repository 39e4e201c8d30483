"""The multi-hinge loss of Kavalerov et al. 2019, arXiv:1912.04216."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from ganzoo.api import DiscriminatorOutput, Game, NonNegativeFloat, Terms
from ganzoo_zoo.blocks.precision import full_precision


class MultiHinge:
    """D classifies into K labels and "generated", by a hinge loss on margins between outputs.

    D: MH(x, y) + MH(G(z, y), K). G: lambda_fake MH(G(z, y), y) + lambda_features mean |E h(G(z, y))
    - E h(x)|, with h the last features of D. MH(x, y) = E max(0, 1 + max_{k != y} o_k - o_y), with
    the K + 1 outputs o of D's head ``multi-hinge``. The real features carry no gradient.

    Args:
        lambda_fake: weight of G's margin; the authors have 0.05.
        lambda_features: weight of feature matching.

    Source: Kavalerov et al. 2021, arXiv:1912.04216.
    """

    capabilities = frozenset({"batch-coupled", "conditional", "graph-safe"})
    requires = frozenset({"features", "zoo/multi-hinge"})

    def __init__(
        self, *, lambda_fake: NonNegativeFloat = 0.05, lambda_features: NonNegativeFloat = 1.0
    ) -> None:
        self.lambda_fake = lambda_fake
        self.lambda_features = lambda_features

    def discriminator(self, game: Game) -> Terms:
        assert game.fake_labels is not None
        last = game.fake_output.extra["multi_hinge"].shape[1] - 1
        return {
            "real": multi_hinge(game.real_output, game.labels),
            "fake": multi_hinge(game.fake_output, torch.full_like(game.fake_labels, last)),
        }

    def generator(self, game: Game) -> Terms:
        fake, real = (
            game.mean(full_precision(output.features[-1]).mean(0))
            for output in (game.fake_output, game.real_output)
        )
        margin = multi_hinge(game.fake_output, game.fake_labels)
        return {
            "fake": self.lambda_fake * margin,
            "features": self.lambda_features * (fake - real.detach()).abs().mean(),
        }


def multi_hinge(output: DiscriminatorOutput, y: Tensor | None) -> Tensor:
    assert y is not None
    o = full_precision(output.extra["multi_hinge"])
    o_y = o.gather(1, y[:, None])
    others = o.scatter(1, y[:, None], -torch.inf).amax(1, keepdim=True)
    return relu(1 + others - o_y).mean()
