"""The maximum gradient penalty of Zhou et al. 2019, arXiv:1902.05687 (LGAN)."""

from ganzoo.api import Game, NonNegativeFloat, Terms


class MaxGradientPenalty:
    """Penalty on the largest gradient of D between real and generated samples.

    lambda max_i |grad D(x_hat_i)|^2 over the batch of all processes, with x_hat uniform on the line
    from G(z) to x. D judges x_hat with the real batch's labels.

    Args:
        lambda_gp: lambda; StudioGAN has 10.

    Source: Zhou et al. 2019, arXiv:1902.05687, section 4.2.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe", "input-gradient"})

    def __init__(self, *, lambda_gp: NonNegativeFloat = 10.0) -> None:
        self.lambda_gp = lambda_gp

    def discriminator(self, game: Game) -> Terms:
        x, x_tilde = game.real, game.fake
        epsilon = game.uniform("max-gp", *(1 for _ in x.shape[1:]))
        _, gradient = game.input_gradient(epsilon * x + (1 - epsilon) * x_tilde, game.labels)
        squares = game.gather(gradient.square().flatten(1).sum(1))
        return {"max_gp": self.lambda_gp * squares.max()}
