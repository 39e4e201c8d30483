"""A plain generator and critic of rows for WGAN-GP (arXiv:1704.00028), without conditions."""

from torch import Tensor, nn

from ganzoo.api import Noise, PositiveFloat, PositiveInt, SampleSpec
from ganzoo_table.networks.outputs import row_of


class Generator(nn.Module):
    """Linear layers with batch norm and ReLU.

    Args:
        latent_dim: numbers in z.
        width: outputs of a hidden layer.
        depth: number of hidden layers.

    Input: z (B, latent_dim). Output: (B, spec.size).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        latent_dim: PositiveInt = 64,
        width: PositiveInt = 256,
        depth: PositiveInt = 2,
    ) -> None:
        super().__init__()
        self.spec, self.latent_dim = spec, latent_dim
        layers: list[nn.Module] = []
        size = latent_dim
        for _ in range(depth):
            layers += [nn.Linear(size, width), nn.BatchNorm1d(width), nn.ReLU()]
            size = width
        self.layers = nn.Sequential(*layers, nn.Linear(size, spec.size))

    def forward(
        self,
        z: Tensor,
        y: Tensor | None = None,
        *,
        noise: Noise,
        temperature: PositiveFloat = 0.2,
    ) -> Tensor:
        """Return rows in model form; `temperature` is that of the Gumbel-softmax."""
        return row_of(self.spec, self.layers(z), noise, temperature)


class Discriminator(nn.Module):
    """Linear layers with leaky ReLU.

    Args:
        width: outputs of a hidden layer.
        depth: number of hidden layers.

    Input: x (B, spec.size). Output: (B,).
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 256, depth: PositiveInt = 2
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size = spec.size
        for _ in range(depth):
            layers += [nn.Linear(size, width), nn.LeakyReLU(0.2)]
            size = width
        self.layers = nn.Sequential(*layers, nn.Linear(size, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(x)[:, 0]
