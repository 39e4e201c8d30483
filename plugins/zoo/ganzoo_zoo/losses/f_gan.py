"""Variational bounds of f-divergences: f-GAN, Nowozin et al. 2016, arXiv:1606.00709."""

from typing import Literal

from torch import Tensor
from torch.nn.functional import relu, softplus

from ganzoo.api import Game, Terms

LOG_2 = 0.6931471805599453
STEEPEST = 20.0
"""The exponent from which `exp_then_linear` is linear."""


class FGAN:
    """The variational bound of an f-divergence (f-GAN).

    With V the logits of D, D maximises E g(V(x)) - E f*(g(V(G(z)))), eq. 6, where f* is the convex
    conjugate and g the output activation of table 6 of the paper:

    - `kl`: g(v) = v, f*(g(v)) = exp(v - 1)
    - `reverse-kl`: g(v) = -exp(-v), f*(g(v)) = v - 1
    - `pearson`: g(v) = v, f*(g(v)) = v^2/4 + v
    - `neyman`: g(v) = 1 - exp(-v), f*(g(v)) = 2 - 2 exp(-v/2)
    - `squared-hellinger`: g(v) = 1 - exp(-v), f*(g(v)) = exp(v) - 1
    - `jensen-shannon`: g(v) = log 2 - softplus(-v), f*(g(v)) = softplus(v) - log 2
    - `gan`: g(v) = -softplus(-v), f*(g(v)) = softplus(v); the loss `vanilla`

    G minimises -E g(V(G(z))), the variant that the paper recommends in section 3.2; with
    `saturating` it minimises -E f*(g(V(G(z)))), the bound itself. exp(t) is continued by its
    tangent above t = 20, so that large logits do not overflow.

    Args:
        divergence: the f-divergence whose bound D maximises.
        saturating: let G minimise the bound itself.

    Source: Nowozin, Cseke & Tomioka 2016, arXiv:1606.00709.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        *,
        divergence: Literal[
            "kl",
            "reverse-kl",
            "pearson",
            "neyman",
            "squared-hellinger",
            "jensen-shannon",
            "gan",
        ] = "jensen-shannon",
        saturating: bool = False,
    ) -> None:
        self.divergence = divergence
        self.saturating = saturating

    def discriminator(self, game: Game) -> Terms:
        return {
            "real": -self.activation(game.real_logits).mean(),
            "fake": self.conjugate(game.fake_logits).mean(),
        }

    def generator(self, game: Game) -> Terms:
        if self.saturating:
            return {"fake": -self.conjugate(game.fake_logits).mean()}
        return {"fake": -self.activation(game.fake_logits).mean()}

    def activation(self, v: Tensor) -> Tensor:
        """Return g(v), in the domain of f*."""
        match self.divergence:
            case "kl" | "pearson":
                return v
            case "reverse-kl":
                return -exp_then_linear(-v)
            case "neyman" | "squared-hellinger":
                return 1 - exp_then_linear(-v)
            case "jensen-shannon":
                return LOG_2 - softplus(-v)
            case "gan":
                return -softplus(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        """Return f*(g(v)), simplified."""
        match self.divergence:
            case "kl":
                return exp_then_linear(v - 1)
            case "reverse-kl":
                return v - 1
            case "pearson":
                return v.square() / 4 + v
            case "neyman":
                return 2 - 2 * exp_then_linear(-v / 2)
            case "squared-hellinger":
                return exp_then_linear(v) - 1
            case "jensen-shannon":
                return softplus(v) - LOG_2
            case "gan":
                return softplus(v)


def exp_then_linear(t: Tensor) -> Tensor:
    """Return exp(t) up to t = 20, and its tangent there above."""
    return t.clamp(max=STEEPEST).exp() * (1 + relu(t - STEEPEST))
