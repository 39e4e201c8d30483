"""The penalty of WGAN-div: Wu et al. 2018, arXiv:1712.01026."""

from ganzoo.api import Game, NonNegativeFloat, PositiveFloat, Terms


class WGANDiv:
    """Penalty on a power of D's gradient between real and generated samples.

    k E |grad D(x_hat)|^p, with x_hat uniform on the line from G(z) to x, on top of the loss
    `wasserstein`. D judges x_hat with the real batch's labels.

    Args:
        k: factor of the penalty.
        p: power of the norm.

    Source: Wu et al. 2018, arXiv:1712.01026, eq. 10, with D large for real samples.
    """

    capabilities = frozenset({"graph-safe", "input-gradient"})

    def __init__(self, *, k: NonNegativeFloat = 2.0, p: PositiveFloat = 6.0) -> None:
        self.k = k
        self.p = p

    def discriminator(self, game: Game) -> Terms:
        x, x_tilde = game.real, game.fake
        epsilon = game.uniform("wgan-div", *(1 for _ in x.shape[1:]))
        _, gradient = game.input_gradient(epsilon * x + (1 - epsilon) * x_tilde, game.labels)
        squares = gradient.square().flatten(1).sum(1)
        return {"wgan_div": self.k * squares.pow(self.p / 2).mean()}
