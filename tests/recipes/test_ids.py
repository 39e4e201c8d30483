"""Pass 3: names of components."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganzoo.errors import PluginError
from ganzoo.recipes import Recipe
from ganzoo.recipes.ids import check_ids, components

Write = Callable[[str, str], Path]
RECIPE = """\
recipe: 1
dataset: digits
generator:
  use: dcgn
  width: 64
discriminator: dcgan
loss: hinge
regularizers: {r1: {}, mine: {use: acme/x}}
optimizers: {both: {use: adm}}
schedules: {optimizers.both.lr: linear}
train: {steps: 1}
eval: {extractor: toy-cnn, metrics: [kid]}
"""


class OnlyKnows:
    """Stands for a registry with a few components."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get(self, kind: str, name: str) -> None:
        if name not in self.names:
            raise PluginError(f"no {kind} {name!r}")


@pytest.fixture
def recipe(write: Write) -> Recipe:
    return Recipe.load(write("a.yaml", RECIPE))


def test_every_component_of_a_recipe_is_yielded_with_its_kind(recipe: Recipe) -> None:
    found = {".".join(path): (kind, node.use) for path, kind, node in components(recipe.settings)}
    assert found == {
        "dataset": ("dataset", "digits"),
        "generator": ("generator", "dcgn"),
        "discriminator": ("discriminator", "dcgan"),
        "latent": ("latent", "gaussian"),
        "loss": ("loss", "hinge"),
        "regularizers.r1": ("regularizer", "r1"),
        "regularizers.mine": ("regularizer", "acme/x"),
        "optimizers.generator": ("optimizer", "adm"),
        "optimizers.discriminator": ("optimizer", "adm"),
        "schedules.optimizers.both.lr": ("schedule", "linear"),
        "eval.extractor": ("extractor", "toy-cnn"),
        "eval.metrics.0": ("metric", "kid"),
    }


def test_every_unknown_name_is_reported_where_it_is_written(recipe: Recipe) -> None:
    registry: Any = OnlyKnows("digits", "dcgan", "gaussian", "r1", "linear", "toy-cnn")
    assert [str(problem) for problem in check_ids(recipe, registry)] == [
        "a.yaml:4:3  generator.use  no generator 'dcgn'",
        "a.yaml:7:1  loss  no loss 'hinge'",
        "a.yaml:8:31  regularizers.mine.use  no regularizer 'acme/x'",
        "a.yaml:9:21  optimizers.both.use  no optimizer 'adm'",
        "a.yaml:12:38  eval.metrics.0  no metric 'kid'",
    ]


def test_an_extractor_that_is_auto_or_null_is_no_component(recipe: Recipe, small: Path) -> None:
    kinds = {kind for _, kind, _ in components(Recipe.load(small).settings)}
    assert kinds == {"dataset", "generator", "discriminator", "latent", "loss", "optimizer"}
