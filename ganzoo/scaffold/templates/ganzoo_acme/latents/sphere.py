"""Latents on a sphere."""

import torch
from torch import Tensor


class Sphere:
    """Uniform on a sphere.

    The radius is sqrt(dim), about the length of a standard normal vector.

    Source: Karras et al. 2018 (progressive growing), arXiv:1710.10196, appendix A.1.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the generator's device."""
        z = torch.randn(n, self.dim, generator=generator, device=generator.device)
        return z * (self.dim**0.5 / z.norm(dim=1, keepdim=True))
