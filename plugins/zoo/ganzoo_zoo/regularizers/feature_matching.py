"""Feature matching of Salimans et al. 2016, arXiv:1606.03498."""

from typing import Literal

from torch import Tensor

from ganzoo.api import Game, Terms


class FeatureMatching:
    """G also matches the mean of D's last features between real and generated samples.

    - `squared`: |E f(x) - E f(G(z))|^2, the sum over the features
    - `absolute`: the mean over the features of |E f(x) - E f(G(z))|, as in MHGAN (arXiv:1912.04216)

    f are all numbers of D's last features, in float32; the means are over all processes. G's
    update reads real samples for it. The loss `feature-matching` has this term alone.

    Args:
        distance: how the two means are compared.

    Source: Salimans et al. 2016, arXiv:1606.03498, section 3.1.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})
    requires = frozenset({"features"})

    def __init__(self, *, distance: Literal["squared", "absolute"] = "squared") -> None:
        self.distance = distance

    def generator(self, game: Game) -> Terms:
        difference = _mean(game, game.real_output.features[-1]).detach() - _mean(
            game, game.fake_output.features[-1]
        )
        if self.distance == "absolute":
            return {"features": difference.abs().mean()}
        return {"features": difference.square().sum()}


def _mean(game: Game, features: Tensor) -> Tensor:
    return game.mean(features.float().flatten(1).mean(0))
