"""Latents whose numbers are drawn independently."""

import torch
from torch import Tensor


class Gaussian:
    """Independent standard normal numbers."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the generator's device."""
        device = generator.device
        return torch.randn(n, self.dim, generator=generator, device=device, dtype=torch.float32)


class Uniform:
    """Independent numbers, uniform in [-1, 1).

    Source: DCGAN, Radford et al. 2015, arXiv:1511.06434.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the generator's device."""
        device = generator.device
        u = torch.rand(n, self.dim, generator=generator, device=device, dtype=torch.float32)
        return 2 * u - 1
