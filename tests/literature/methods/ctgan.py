"""CTGAN: training by sampling, so that G learns a table's rare categories too.

Paper: arXiv:1907.00503, section 4. Shows: `draw`, `spec.condition`, a sampling parameter.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softmax

from ganzoo.api import Game, Noise, PositiveFloat, SampleSpec, Terms, hookimpl

COLUMNS = [1, 3, 2]  # a number, and the categories of two columns
SPECS = [SampleSpec("vector", (6,), condition=SampleSpec("vector", (5,)))]


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


def layers(spec: SampleSpec, n: int, outputs: int) -> nn.Sequential:
    if spec.condition is None:
        raise ValueError("CTGAN needs data with a condition")
    return nn.Sequential(nn.Linear(n + spec.condition.size, 32), nn.ReLU(), nn.Linear(32, outputs))


class Generator(nn.Module):
    """A tanh for the number, a Gumbel-softmax for each column of categories."""

    capabilities = frozenset({"conditional", "graph-safe"})
    latent_dim = 8

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.layers = layers(spec, self.latent_dim, sum(COLUMNS))

    def forward(self, z, y=None, *, noise: Noise, temperature: PositiveFloat = 0.2) -> Tensor:
        logits = self.layers(torch.cat([z, y], 1))
        uniform = noise.uniform("gumbel", sum(COLUMNS)).clamp(1e-7, 1 - 1e-7)
        _, *columns = (logits - (-uniform.log()).log()).split(COLUMNS, 1)
        return torch.cat([logits[:, :1].tanh(), *(softmax(c / temperature, 1) for c in columns)], 1)


class Discriminator(nn.Module):
    """One hidden layer over the row and its condition."""

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.layers = layers(spec, spec.size, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(torch.cat([x, y], 1))[:, 0]


class Condition:
    """Cross entropy of the condition under the categories that G gave the row."""

    def generator(self, game: Game) -> Terms:
        y = game.fake_labels
        if y is None or game.spec.condition is None:
            return {}
        return {"condition": -(y * game.fake[:, 1:].clamp(1e-20).log()).sum(1).mean()}


class Skewed(list):
    """100 rows; 80, 16 and 4 have the categories of one column, 80 and 20 of the other."""

    spec = SPECS[0]

    def __init__(self, split: str) -> None:
        row, column = torch.arange(100), torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]])
        first = (row >= 80).long() + (row >= 96)
        self.categories = torch.cat([one_hot(first), one_hot(row % 5 // 4)], 1).float()
        self.edges = (column * self.categories.sum(0).log1p()).cumsum(1)
        rows = torch.cat([first[:, None] / 2 - 0.5, self.categories], 1)
        super().__init__(zip(rows, self.categories * column[row % 2], strict=True))

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor]:
        edges = self.edges[(2 * noise.uniform("column")).long()]  # of a column, by log(1 + count)
        pick = (noise.uniform("category", 1) * edges[:, -1:] >= edges).sum(1)
        having = self.categories.T[pick].cumsum(1)  # (n, 100): the rows with this category
        return (noise.uniform("row", 1) * having[:, -1:] >= having).sum(1), one_hot(pick, 5).float()
