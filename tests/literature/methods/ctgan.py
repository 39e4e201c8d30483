"""CTGAN: training by sampling, so that G learns a table's rare categories too.

Paper: arXiv:1907.00503, sections 4.3 and 4.4.
Shows: `draw` of a data set, `spec.condition`, `noise` and a sampling parameter in `forward`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softmax

from ganzoo.api import Game, Noise, PositiveFloat, PositiveInt, SampleSpec, Terms, hookimpl


@hookimpl
def register_generators(register):
    register("ctgan", "local:Generator", modalities={"vector"}, paper="arXiv:1907.00503")


@hookimpl
def register_discriminators(register):
    register("ctgan", "local:Discriminator", modalities={"vector"}, paper="arXiv:1907.00503")


@hookimpl
def register_regularizers(register):
    register("condition", "local:Condition", modalities={"vector"}, paper="arXiv:1907.00503")


@hookimpl
def register_datasets(register):
    register("skewed", "local:Skewed", modalities={"vector"}, splits=["train"])


class Generator(nn.Module):
    """Columns of one value end in a tanh, columns of several categories in a Gumbel-softmax."""

    capabilities = frozenset({"conditional", "graph-safe"})
    latent_dim = 8

    def __init__(self, spec: SampleSpec, *, columns: tuple[PositiveInt, ...] = (1, 3, 2)) -> None:
        super().__init__()
        self.columns = columns
        first = nn.Linear(self.latent_dim + spec.condition.size, 32)
        self.layers = nn.Sequential(first, nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, spec.size))

    def forward(self, z, y=None, *, noise: Noise, temperature: PositiveFloat = 0.2) -> Tensor:
        logits = self.layers(torch.cat([z, y], 1))
        uniform = noise.uniform("gumbel", logits.shape[1]).clamp(1e-7, 1 - 1e-7)
        gumbel = (logits - (-uniform.log()).log()) / temperature
        pairs = zip(*(each.split(self.columns, 1) for each in (logits, gumbel)), strict=True)
        return torch.cat([x.tanh() if x.shape[1] == 1 else softmax(g, 1) for x, g in pairs], 1)


class Discriminator(nn.Module):
    """One hidden layer over the row and its condition."""

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        first = nn.Linear(spec.size + spec.condition.size, 32)
        self.layers = nn.Sequential(first, nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(torch.cat([x, y], 1))[:, 0]


class Condition:
    """Cross entropy of the condition under the categories that G gave the row, its last values."""

    def generator(self, game: Game) -> Terms:
        y = game.fake_labels
        found = game.fake[:, -y.shape[1] :].clamp(min=1e-20).log()
        return {"condition": -(y * found).sum(1).mean()}


class Skewed(list):
    """100 rows of a number and two categories: 80, 16 and 4 rows, and 80 and 20."""

    spec = SampleSpec("vector", (6,), condition=SampleSpec("vector", (5,)))
    columns = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]])

    def __init__(self, split: str) -> None:
        row = torch.arange(100)
        first, second = (row >= 80).long() + (row >= 96), (row % 5 == 4).long()
        self.categories = torch.cat([one_hot(first, 3), one_hot(second, 2)], 1).float()
        self.edges = (self.columns * self.categories.sum(0).log1p()).cumsum(1)
        rows = torch.cat([first[:, None] / 2 - 0.5, self.categories], 1)
        super().__init__(zip(rows, self.categories * self.columns[row % 2], strict=True))

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor]:
        """Draw a column, one of its categories by log(1 + count), and one of the rows with it."""
        edges = self.edges[(2 * noise.uniform("column")).long()]  # (n, 5)
        category = (noise.uniform("category", 1) * edges[:, -1:] >= edges).sum(1)
        having = self.categories.T[category].cumsum(1)  # (n, 100)
        index = (noise.uniform("row", 1) * having[:, -1:] >= having).sum(1)
        return index, one_hot(category, 5).float()
