"""CTGAN: a generator of rows by a condition, and a discriminator of packs of rows.

Source: Xu, Skoularidou, Cuesta-Infante & Veeramachaneni 2019, "Modeling tabular data using
conditional GAN", arXiv:1907.00503, section 4.4. Written from the paper.
"""

import torch
from torch import Tensor, nn

from ganzoo.api import Fraction, Noise, PositiveFloat, PositiveInt, SampleSpec
from ganzoo_table.networks.outputs import row_of


class Generator(nn.Module):
    """Two layers, each of which passes on its input beside its output; batch norm and ReLU.

    Args:
        latent_dim: numbers in z.
        width: outputs of a layer.
        depth: number of layers.
        conditional: whether the recipe gives conditions; set by ganzoo.

    Inputs: z (B, latent_dim); y, the condition in model form, or None. Output: (B, spec.size).
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        latent_dim: PositiveInt = 128,
        width: PositiveInt = 256,
        depth: PositiveInt = 2,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.spec, self.latent_dim = spec, latent_dim
        self.asked = Asked(spec, conditional)
        if not conditional:
            self.capabilities -= {"conditional"}
        size = latent_dim + self.asked.size
        self.layers = nn.ModuleList()
        for _ in range(depth):
            self.layers.append(nn.Sequential(nn.Linear(size, width), nn.BatchNorm1d(width)))
            size += width
        self.output = nn.Linear(size, spec.size)

    def forward(
        self,
        z: Tensor,
        y: Tensor | None = None,
        *,
        noise: Noise,
        temperature: PositiveFloat = 0.2,
    ) -> Tensor:
        """Return rows in model form; `temperature` is that of the Gumbel-softmax."""
        h = self.asked(z, y)
        for layer in self.layers:
            h = torch.cat([layer(h).relu(), h], 1)
        return row_of(self.spec, self.output(h), noise, temperature)


class Discriminator(nn.Module):
    """Two layers with leaky ReLU and dropout, over packs of rows with their conditions (PacGAN).

    Args:
        width: outputs of a layer.
        depth: number of layers.
        pack: number of rows that are judged together; the batch is a multiple of it.
        dropout: share of activations that are dropped in training.
        conditional: whether the recipe gives conditions; set by ganzoo.

    Inputs: x (B, spec.size); y, the condition in model form, or None. Output: (B / pack,).
    """

    capabilities = frozenset({"conditional"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 256,
        depth: PositiveInt = 2,
        pack: PositiveInt = 10,
        dropout: Fraction = 0.5,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.batch_multiple = pack
        self.asked = Asked(spec, conditional)
        if not conditional:
            self.capabilities -= {"conditional"}
        size = pack * (spec.size + self.asked.size)
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(size, width), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
            size = width
        self.layers = nn.Sequential(*layers, nn.Linear(size, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        rows = self.asked(x, y)
        return self.layers(rows.reshape(len(rows) // self.batch_multiple, -1))[:, 0]


class Asked:
    """Puts what G is asked for beside its inputs: a condition in model form, or a class.

    Args:
        conditional: whether there is something that G is asked for.

    Raises:
        ValueError: the data has neither classes nor a condition.
    """

    def __init__(self, spec: SampleSpec, conditional: bool) -> None:
        self.size, self.classes = 0, spec.classes
        if conditional and not (spec.classes or spec.condition):
            raise ValueError("the data has no column of categories to ask for: conditional: false")
        if conditional:
            self.size = spec.condition.size if spec.condition else spec.classes

    def __call__(self, rows: Tensor, y: Tensor | None) -> Tensor:
        """Return rows (B, D) with their condition, (B, D + size)."""
        if not self.size or y is None:
            return rows
        if self.classes:
            y = (y[:, None] == torch.arange(self.classes, device=y.device)).float()
        return torch.cat([rows, y], 1)
