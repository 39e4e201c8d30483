"""A learned mixture of Gaussians: DeLiGAN, Gurumurthy et al. 2017, arXiv:1706.02071."""

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveFloat, PositiveInt


class Mixture(nn.Module):
    """A mixture of Gaussians, whose means and scales are learned with G (DeLiGAN).

    z = mu_k + sigma_k * epsilon, eq. 3, with k uniform over the components and epsilon standard
    normal. The means start uniform in [-1, 1), the scales at `sigma`. The authors' penalty on the
    scales, which shrink without it, is not part of this latent: hold them with `learn_sigma: false`
    instead.

    Args:
        components: number of Gaussians; the authors have 50 or 100.
        sigma: standard deviation of each number at the start; the authors have 0.2 for images and
            0.02 for points in the plane.
        learn_sigma: train the scales; false keeps them at `sigma`.

    Source: Gurumurthy et al. 2017, arXiv:1706.02071; the start of the authors' code.
    """

    def __init__(
        self,
        dim: int,
        *,
        components: PositiveInt = 50,
        sigma: PositiveFloat = 0.2,
        learn_sigma: bool = True,
    ) -> None:
        super().__init__()
        self.mu = nn.Parameter(2 * torch.rand(components, dim) - 1)
        self.sigmas = nn.Parameter(
            torch.full((components, dim), float(sigma)), requires_grad=learn_sigma
        )

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the device of the means, with their graph."""
        components, dim = self.mu.shape
        k = torch.randint(components, (n,), generator=generator, device=generator.device)
        epsilon = torch.randn(n, dim, generator=generator, device=generator.device)
        k, epsilon = k.to(self.mu.device), epsilon.to(self.mu)
        return self.mu[k] + self.sigmas[k] * epsilon
