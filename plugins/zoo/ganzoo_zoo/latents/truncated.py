"""The truncated normal distribution that BigGAN samples from."""

import torch
from torch import Tensor

from ganzoo.api import PositiveFloat


class Truncated:
    """Standard normal numbers in [-threshold, threshold].

    The distribution is that of drawing a number again while it is outside. It is meant for
    ``eval.latent`` of a generator that was trained with ``gaussian``: a smaller threshold trades
    variety for quality. TF-Hub's demonstration scales normal numbers in [-2, 2] instead.

    Args:
        threshold: largest absolute value.

    Source: Brock et al. 2018, arXiv:1809.11096, section 3.1.
    """

    def __init__(self, dim: int, *, threshold: PositiveFloat = 0.5) -> None:
        self.dim = dim
        self.threshold = threshold

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the generator's device."""
        device = generator.device
        u = torch.rand(n, self.dim, generator=generator, device=device, dtype=torch.float64)
        edge = torch.tensor(self.threshold / 2**0.5, dtype=torch.float64, device=device).erf()
        z = 2**0.5 * torch.erfinv(edge * (2 * u - 1))
        return z.clamp(-self.threshold, self.threshold).float()
