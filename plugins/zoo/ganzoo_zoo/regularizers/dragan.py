"""DRAGAN's gradient penalty around the data: Kodali et al. 2017, arXiv:1705.07215."""

from torch.linalg import vector_norm

from ganzoo.api import Game, NonNegativeFloat, Terms


class DRAGAN:
    """Penalty on the norm of D's gradient near real samples.

    lambda E (|grad D(x + alpha delta)| - 1)^2, with delta = c std(x) u, u uniform in [0, 1) for
    each number, alpha uniform in [0, 1) for each sample, and std(x) the standard deviation of all
    numbers of the batch (over all processes, biased), as in the authors' code. D judges the points
    with the real batch's labels.

    Args:
        lambda_gp: lambda.
        c: the largest distance of a number from the data, in standard deviations.

    Source: Kodali et al. 2017, arXiv:1705.07215, section 2.3; the noise of the authors' code.
    """

    capabilities = frozenset({"graph-safe", "input-gradient"})

    def __init__(self, *, lambda_gp: NonNegativeFloat = 10.0, c: NonNegativeFloat = 0.5) -> None:
        self.lambda_gp = lambda_gp
        self.c = c

    def discriminator(self, game: Game) -> Terms:
        x = game.real.detach()
        mean, square = game.mean(x.mean()), game.mean(x.square().mean())
        std = (square - mean.square()).clamp(min=0).sqrt()
        delta = self.c * std * game.uniform("dragan/noise", *x.shape[1:])
        alpha = game.uniform("dragan/alpha", *(1 for _ in x.shape[1:]))
        _, gradient = game.input_gradient(x + alpha * delta, game.labels)
        excess = vector_norm(gradient.flatten(1), dim=1) - 1
        return {"dragan": self.lambda_gp * excess.square().mean()}
