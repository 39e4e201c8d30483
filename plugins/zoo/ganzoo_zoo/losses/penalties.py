"""Penalties on the gradient of D with respect to its input.

How much and how often belong to the slot of the recipe (`weight`, `every_steps`); what stands here
is the paper's own constant.
"""

from torch.linalg import vector_norm
from torch.nn.functional import relu

from ganzoo.api import Game, NonNegativeFloat, Terms


class GradientPenalty:
    """lambda E (|grad D(x_hat)| - target)^2, x_hat uniform on the line from G(z) to x.

    Args:
        lambda_gp: lambda of eq. 3.
        target: the norm that is not penalised; 0 is the zero-centred penalty (Thanh-Tung et al.
            2019, arXiv:1902.03984).
        one_sided: penalise only norms above `target` (discussed in section 4).

    x_hat goes to D with the real batch's labels. The norm is that of all numbers of one sample;
    where it is exactly 0 its gradient is taken as 0, not as NaN.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3.
    """

    capabilities = frozenset({"graph-safe", "input-gradient"})

    def __init__(
        self,
        *,
        lambda_gp: NonNegativeFloat = 10.0,
        target: NonNegativeFloat = 1.0,
        one_sided: bool = False,
    ) -> None:
        self.lambda_gp = lambda_gp
        self.target = target
        self.one_sided = one_sided

    def discriminator(self, game: Game) -> Terms:
        x, x_tilde = game.real, game.fake
        epsilon = game.uniform("gradient-penalty", *(1 for _ in x.shape[1:]))
        _, gradient = game.input_gradient(epsilon * x + (1 - epsilon) * x_tilde, game.labels)
        excess = vector_norm(gradient.flatten(1), dim=1) - self.target
        if self.one_sided:
            excess = relu(excess)
        return {"gradient_penalty": self.lambda_gp * excess.square().mean()}


class R1:
    """gamma/2 E |grad D(x)|^2 over real x.

    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9.
    """

    capabilities = frozenset({"graph-safe", "real-gradient"})

    def __init__(self, *, gamma: NonNegativeFloat = 10.0) -> None:
        self.gamma = gamma

    def discriminator(self, game: Game) -> Terms:
        _, gradient = game.input_gradient(game.real, game.labels)
        return {"r1": self.gamma / 2 * gradient.square().flatten(1).sum(1).mean()}
