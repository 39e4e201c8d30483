"""The gradient penalty of Gulrajani et al. 2017, arXiv:1704.00028."""

from torch.linalg import vector_norm
from torch.nn.functional import relu

from ganzoo.api import Game, NonNegativeFloat, Terms


class GradientPenalty:
    """Penalty on the norm of D's gradient between real and generated samples.

    lambda E (|grad D(x_hat)| - target)^2, with x_hat uniform on the line from G(z) to x. D judges
    x_hat with the real batch's labels. The norm runs over all numbers of one sample; where it is
    exactly 0, its gradient is taken as 0 instead of NaN.

    Args:
        lambda_gp: lambda of eq. 3.
        target: the norm without a penalty; 0 is the zero-centred penalty (Thanh-Tung et al. 2019,
            arXiv:1902.03984).
        one_sided: penalise only norms above `target` (discussed in section 4).

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
