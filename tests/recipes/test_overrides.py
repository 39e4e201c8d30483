"""Overrides: key=value strings, and mappings from Python."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ganzoo.errors import RecipeError
from ganzoo.recipes import Recipe

Write = Callable[[str, str], Path]


def problems(reference: Path, overrides: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        Recipe.load(reference, overrides)
    return [str(problem) for problem in caught.value.problems]


def test_an_override_is_split_at_its_first_equals_sign(small: Path) -> None:
    assert Recipe.load(small, ["description=a=b"]).settings.description == "a=b"


def test_the_value_of_an_override_is_strict_yaml(small: Path) -> None:
    recipe = Recipe.load(small, ["optimizers.both.lr=1e-3", "optimizers.both.betas=[0, 0.9]"])
    for node in (recipe.settings.optimizers.generator, recipe.settings.optimizers.discriminator):
        assert node.parameters == {"lr": 1e-3, "betas": [0, 0.9]}


def test_a_component_name_sets_use_and_drops_the_old_components_parameters(small: Path) -> None:
    recipe = Recipe.load(small, ["generator=acme/unet"])
    assert recipe.data["generator"] == {"use": "acme/unet"}
    assert recipe.notes == (
        "command line  generator  is now 'acme/unet'; dropped parameters of 'dcgan': width, norm",
    )


def test_the_place_of_a_component_is_where_it_was_named(small: Path) -> None:
    named = Recipe.load(small, ["generator=acme/unet"]).problem(("generator",), "fails")
    assert str(named) == "command line  generator  fails"
    changed = Recipe.load(small, ["generator.width=8"]).problem(("generator",), "fails")
    assert changed.file == small.name


@pytest.mark.parametrize("turned", [False, True])
def test_a_component_and_its_parameters_come_in_any_order(small: Path, turned: bool) -> None:
    overrides = ["generator=acme/unet", "generator.width=8"]
    recipe = Recipe.load(small, overrides[::-1] if turned else overrides)
    assert recipe.data["generator"] == {"use": "acme/unet", "width": 8}


def test_a_regularizer_is_added_by_setting_its_parameter(small: Path) -> None:
    node = Recipe.load(small, ["regularizers.r1.gamma=1"]).settings.regularizers["r1"]
    assert (node.use, node.parameters, node.weight, node.every_steps) == ("r1", {"gamma": 1}, 1, 1)


def test_a_budget_on_the_command_line_replaces_the_budget_of_the_recipe(small: Path) -> None:
    recipe = Recipe.load(small, ["train.samples=64000"])
    assert (recipe.settings.train.steps, recipe.settings.train.samples) == (None, 64000)
    assert recipe.notes == ("command line  train.samples  replaces train.steps",)


def test_python_gives_the_same_recipe_as_the_command_line(small: Path) -> None:
    line = ["train.steps=500", "generator=resnet", "eval.extractor=null", "generator.norm=null"]
    mapping = {
        "train": {"steps": 500},
        "generator": {"use": "resnet"},
        "eval.extractor": None,
        "generator.norm": None,
    }
    assert Recipe.load(small, line).settings == Recipe.load(small, mapping).settings


def test_python_values_become_plain_data(small: Path) -> None:
    values = {"dataset.path": PurePosixPath("a/b"), "optimizers.both.betas": (0, 0.9)}
    recipe = Recipe.load(small, values)
    assert recipe.data["dataset"]["path"] == "a/b"
    assert recipe.data["optimizers"]["both"]["betas"] == [0, 0.9]


def test_if_a_key_is_given_twice_the_later_value_wins(small: Path) -> None:
    recipe = Recipe.load(small, ["train.steps=5", "train.steps=7", "loss=a", "loss=b"])
    assert recipe.settings.train.steps == 7
    assert recipe.settings.loss.use == "b"


def test_relative_paths_of_overrides_start_at_the_working_directory(
    small: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = write("elsewhere/x.yaml", "").parent
    monkeypatch.chdir(elsewhere)
    recipe = Recipe.load(small, ["dataset.path=images"])
    assert recipe.directory_of(("dataset", "path")) == elsewhere
    assert recipe.directory_of(("dataset", "use")) == small.parent


def test_an_override_can_set_a_schedule_whose_key_has_dots(small: Path, write: Write) -> None:
    text = small.read_text() + "schedules: {optimizers.both.lr: {use: linear, end: 0}}\n"
    path = write("scheduled.yaml", text)
    overrides = ["schedules.optimizers.both.lr.end=0.5", "schedules.loss.scale=cosine"]
    schedules = Recipe.load(path, overrides).settings.schedules
    assert schedules["optimizers.both.lr"].parameters == {"end": 0.5}
    assert schedules["loss.scale"].use == "cosine"
    assert Recipe.load(path, ["schedules.optimizers.both.lr=null"]).settings.schedules == {}


def test_every_override_that_cannot_be_read_is_reported(small: Path) -> None:
    overrides = ["train.steps", "=1", "a..b=1", "seed=", "seed=[", "extends=x", "seed=.inf"]
    assert problems(small, overrides) == [
        "command line  train.steps  is not of the form key=value",
        "command line  ''  a key is one word, not ''",
        "command line  a..b  is not a key of a recipe",
        "command line  seed  has no value - write null for none",
        "command line  seed  is not YAML: while parsing a flow node, expected the node content,"
        " but found '<stream end>'",
        "command line  extends  describes the file itself and cannot be overridden",
        "command line  seed  is not a finite number",
    ]


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (
            {"seed": object()},
            "has type object - a recipe holds text",
        ),
        ({"seed": float("nan")}, "is not a finite number"),
        ({"seed": 2**70}, "does not fit in 64 bits"),
        ({"name": "a\0b"}, "cannot be printed"),
        ({3: 4}, "a key is one word, not 3"),
        ({"train": {5: 1}}, "a key is one word, not 5"),
        (["a" + ".a" * 2000 + "=1"], "is not a key of a recipe"),
        (["regularizers=null", "regularizers.r1.gamma=1"], "contradicts another override"),
    ],
)
def test_an_override_that_no_recipe_can_hold_is_refused(
    small: Path, overrides: Any, what: str
) -> None:
    (problem,) = problems(small, overrides)
    assert what in problem


def test_a_mapping_that_contains_itself_is_refused(small: Path) -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    assert "levels deep" in problems(small, {"generator": loop})[0]


def test_an_unknown_key_on_the_command_line_is_reported_as_such(small: Path) -> None:
    assert problems(small, ["trian.steps=5"]) == [
        "command line  trian  unknown key - did you mean 'train'?"
    ]


def test_a_key_missing_from_the_file_is_reported_in_the_file_even_with_overrides(
    write: Write,
) -> None:
    path = write("a.yaml", "recipe: 1\ntrain: {keep: 3}\n")
    assert problems(path, ["train.batch_size=8", "dataset=d", "generator=g", "loss=l"]) == [
        "a.yaml:1:1  discriminator  is required - such as `discriminator: dcgan`",
        "a.yaml:2:1  train  needs a budget: `steps` or `samples`, such as `steps: 3000`",
    ]
