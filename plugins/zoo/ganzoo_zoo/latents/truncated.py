"""A normal latent without its tails."""

import math

import torch
from torch import Tensor

from ganzoo.api import PositiveFloat


class Truncated:
    """Independent standard normal numbers, drawn again while they are outside [-limit, limit].

    As a latent of training, or as `eval.latent` of a G trained with `gaussian` (BigGAN's truncation
    trick). The numbers come from the inverse of the truncated distribution function, so each takes
    one draw.

    Args:
        limit: the largest absolute value.

    Source: Brock et al. 2019, arXiv:1809.11096, section 3.1.
    """

    def __init__(self, dim: int, *, limit: PositiveFloat = 2.0) -> None:
        self.dim = dim
        self.limit = limit

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the generator's device."""
        device = generator.device
        u = torch.rand(n, self.dim, generator=generator, device=device, dtype=torch.float32)
        inside = math.erf(self.limit / math.sqrt(2))  # probability of [-limit, limit]
        z = math.sqrt(2) * torch.erfinv(inside * (2 * u - 1))
        return z.clamp(-self.limit, self.limit)
