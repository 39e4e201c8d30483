"""PacGAN's networks for points in the plane: a G with batch norm, a maxout D over packs.

With the defaults and points of 2 numbers G has 484,802 parameters, and D 403,201 + 2,000 m for
packs of m points.

Source: Lin et al. 2018, arXiv:1712.04086, section 4.1; layers and initialisation as in the
authors' code, github.com/fjxmlzn/PacGAN at 190853e.
"""

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec

STD = 0.02
"""Standard deviation of the initial weights; biases start at 0."""
EPS, MOMENTUM = 1e-4, 0.05
"""Of batch norm; the momentum is the weight of a batch in the running statistics."""


class Generator(nn.Module):
    """Multilayer perceptron with batch norm and ReLU; the last layer alone has a bias.

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers.
        latent_dim: length of z.
    """

    capabilities = frozenset({"graph-safe", "unbounded"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 400,
        depth: PositiveInt = 4,
        latent_dim: PositiveInt = 2,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.model_shape = spec.model_shape
        layers: list[nn.Module] = []
        inputs = latent_dim
        for _ in range(depth):
            norm = nn.BatchNorm1d(width, eps=EPS, momentum=MOMENTUM)
            layers += [nn.Linear(inputs, width, bias=False), norm, nn.ReLU()]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(width, spec.size))
        self.apply(initialise)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return samples (B, *model_shape) of latents (B, latent_dim)."""
        x: Tensor = self.layers(z).unflatten(1, self.model_shape)
        return x


class Discriminator(nn.Module):
    """Maxout layers over packs of `packing` consecutive samples, with one logit for each pack.

    A maxout unit is the largest of `pieces` linear functions of its inputs (Goodfellow et al. 2013,
    arXiv:1302.4389). The batch size must be a multiple of `packing`.

    Args:
        packing: samples in a pack, the paper's m; 1 is an ordinary D.
        width: units of each hidden layer.
        depth: number of hidden layers.
        pieces: linear functions in a maxout unit.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        packing: PositiveInt = 1,
        width: PositiveInt = 200,
        depth: PositiveInt = 3,
        pieces: PositiveInt = 5,
    ) -> None:
        super().__init__()
        self.batch_multiple = packing
        if packing == 1:
            self.capabilities -= {"batch-coupled"}
        self.pieces = pieces
        sizes = [packing * spec.size] + [width] * (depth - 1)
        self.hidden = nn.ModuleList(nn.Linear(size, pieces * width) for size in sizes)
        self.logit = nn.Linear(width, 1)
        self.apply(initialise)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B / packing,) of samples (B, *model_shape)."""
        h = x.reshape(len(x) // self.batch_multiple, -1)  # (B / packing, packing * size)
        for layer in self.hidden:
            h = torch.amax(layer(h).unflatten(1, (-1, self.pieces)), dim=2)
        logits: Tensor = self.logit(h)[:, 0]
        return logits


def initialise(module: nn.Module) -> None:
    """Draw the weights of linear layers from N(0, 0.02^2); set biases to 0."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
