"""Latents with a part that has a meaning: InfoGAN, Chen et al. 2016, arXiv:1606.03657."""

import torch
from torch import Tensor

from ganzoo.api import NonNegativeInt, PositiveInt


class Codes:
    """Categories and uniform numbers, then standard normal noise (InfoGAN's code).

    z begins with a one-hot vector for each entry of `categories`, each with equal probability, and
    then has `numbers` numbers uniform in [-1, 1). The rest is normal noise. The discriminator
    `infogan` and the regularizer `information` need the same `categories` and `numbers`.

    Args:
        categories: number of values of each category.
        numbers: number of uniform numbers.

    Raises:
        ValueError: z is shorter than the code.

    Source: Chen et al. 2016, arXiv:1606.03657, section 7.
    """

    capabilities = frozenset({"zoo/code"})

    def __init__(
        self,
        dim: int,
        *,
        categories: tuple[PositiveInt, ...] = (10,),
        numbers: NonNegativeInt = 2,
    ) -> None:
        self.noise = dim - sum(categories) - numbers
        if self.noise < 0:
            raise ValueError(
                f"the code has {sum(categories) + numbers} numbers and z only {dim}; raise the "
                "generator's latent_dim"
            )
        self.categories = categories
        self.numbers = numbers

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return float32 (n, dim), on the generator's device."""
        device = generator.device
        parts = []
        for count in self.categories:
            k = torch.randint(count, (n,), generator=generator, device=device)
            parts.append(torch.eye(count, device=device)[k])
        u = torch.rand(n, self.numbers, generator=generator, device=device, dtype=torch.float32)
        noise = torch.randn(n, self.noise, generator=generator, device=device, dtype=torch.float32)
        return torch.cat([*parts, 2 * u - 1, noise], 1)
