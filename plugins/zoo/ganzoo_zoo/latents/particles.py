"""A table of learned latents."""

import torch
from torch import Tensor, nn

from ganzoo.api import NonNegativeFloat, PositiveInt


class Particles(nn.Module):
    """One of a table of learned points, with equal probability, plus a little noise.

    The points start standard normal and are trained with G: in a recipe's parameter groups they are
    `latent.points`. Rows that no batch draws get no gradient, but Adam moves them on.

    Args:
        count: number of points.
        sigma: standard deviation of the noise on each number; 0 gives the points themselves.

    Source of the idea: ParticleGAN, https://pypi.org/project/particlegan (0.8); Bojanowski et al.
    2018, arXiv:1707.05776, learn one latent for each real sample.
    """

    def __init__(
        self, dim: int, *, count: PositiveInt = 1024, sigma: NonNegativeFloat = 0.0
    ) -> None:
        super().__init__()
        self.sigma = sigma
        self.points = nn.Parameter(torch.randn(count, dim))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the device of the points, with their graph."""
        count, dim = self.points.shape
        k = torch.randint(count, (n,), generator=generator, device=generator.device)
        z = self.points[k.to(self.points.device)]
        if self.sigma:
            noise = torch.randn(n, dim, generator=generator, device=generator.device)
            z = z + self.sigma * noise.to(z)
        return z
