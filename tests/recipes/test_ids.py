"""Pass 3: names of components."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganzoo.components.planner import check_ids
from ganzoo.errors import PluginError, RecipeError
from ganzoo.recipes import Recipe
from ganzoo.recipes.schema import named_components

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

    def get(self, kind: str, name: str, requirement: str | None) -> None:
        if name not in self.names:
            raise PluginError(f"no {kind} {name!r}", hint=f"pip install {requirement}")


@pytest.fixture
def recipe(write: Write) -> Recipe:
    return Recipe.load(write("a.yaml", RECIPE))


def test_every_named_component_is_yielded_with_its_kind(recipe: Recipe) -> None:
    found = {
        ".".join(path): (kind, node.use) for path, kind, node in named_components(recipe.settings)
    }
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
    with pytest.raises(RecipeError) as caught:
        check_ids(recipe, registry)
    assert list(map(str, caught.value.problems)) == [
        "a.yaml:4:3  generator.use  no generator 'dcgn'",
        "a.yaml:7:1  loss  no loss 'hinge'",
        "a.yaml:8:31  regularizers.mine.use  no regularizer 'acme/x'",
        "a.yaml:9:21  optimizers.both.use  no optimizer 'adm'",
        "a.yaml:12:38  eval.metrics.0  no metric 'kid'",
    ]


def test_an_extractor_of_auto_or_null_is_not_a_component(recipe: Recipe, small: Path) -> None:
    kinds = {kind for _, kind, _ in named_components(Recipe.load(small).settings)}
    assert kinds == {"dataset", "generator", "discriminator", "latent", "loss", "optimizer"}


LOCKED = "lock: {components: {loss: {id: acme/y, distribution: acme-gans, version: '3'}}}"


@pytest.mark.parametrize(
    ("more", "advice"),
    [
        ("", "pip install None"),
        ('requires: ["acme>=1.2", other]', "pip install 'acme>=1.2' other"),
        (LOCKED, "pip install acme-gans==3"),
        ("lock: {components: {loss: what, other: {id: 3}}}", "pip install None"),
    ],
)
def test_the_hint_names_the_distribution_to_install_if_the_recipe_knows_it(
    more: str, advice: str, write: Write
) -> None:
    recipe = Recipe.load(write("a.lock.yaml" if "lock" in more else "a.yaml", RECIPE + more))
    registry: Any = OnlyKnows("digits", "dcgn", "dcgan", "gaussian", "hinge", "r1", "adm", "linear")
    with pytest.raises(RecipeError) as caught:
        check_ids(recipe, registry)
    assert caught.value.problems[0].what == "no regularizer 'acme/x'"
    assert caught.value.hint == advice
