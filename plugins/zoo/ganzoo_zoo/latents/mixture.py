"""A latent of learned Gaussians."""

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveFloat, PositiveInt


class Mixture(nn.Module):
    """A mixture of learned Gaussians: z = mu_k + sigma_k * eps, each k equally likely.

    The means and the standard deviations (one per component and coordinate) are trained with G.
    With many more components than modes of the data, few samples lie between the modes, because
    G need not be continuous across components. In many dimensions (16, say) the components start
    far apart.

    Deviation: the paper draws the means from U(-1, 1); here they start as standard normal, like
    the usual z. Its penalty on the standard deviations is the regularizer `component-sd`.

    Args:
        components: number of Gaussians.
        sd: initial standard deviation of each.

    Source: Gurumurthy et al. 2017 (DeLiGAN), arXiv:1706.02071, eq. 2 and 5.
    """

    capabilities = frozenset({"zoo/component-sds"})

    def __init__(self, dim: int, *, components: PositiveInt = 50, sd: PositiveFloat = 0.2) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.randn(components, dim))
        self.sds = nn.Parameter(torch.full((components, dim), sd))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the device of the means, with their graph."""
        k = torch.randint(len(self.means), (n,), generator=generator).to(self.means.device)
        eps = torch.randn(n, self.means.shape[1], generator=generator).to(self.means)
        return self.means[k] + self.sds[k] * eps
