"""Writing recipes: `show`, the lock, and the id of an experiment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.errors import RecipeError
from ganzoo.recipes import Recipe
from ganzoo.recipes.lock import experiment_id, read_lock, write_lock
from ganzoo.recipes.show import show
from ganzoo.recipes.yaml import load_document, to_yaml, yaml_line

Write = Callable[[str, str], Path]

text = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12) | st.sampled_from(
    ["2e-4", "012", "yes", "null", "~", "", "1_000", "12:30", "<<", "=", "a: b", "# x", "- x", "\n"]
)
keys = text.filter(lambda key: key.isprintable() and key not in ("", "<<"))
numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_yaml_that_is_written_reads_back_as_the_same_data(data: dict[str, Any]) -> None:
    for written in (to_yaml(data), yaml_line(data), show(data, {})):
        read = load_document(written, "a.yaml").data
        assert read == data
        assert repr(read) == repr(data)


def test_pyyaml_also_reads_written_text_as_text() -> None:
    data = {"a": "yes", "b": "012", "c": "12:30", "d": "2026-01-31", "e": 2e-5}
    assert yaml.safe_load(to_yaml(data)) == data


def test_every_line_is_shown_with_its_origin(small: Path, write: Write) -> None:
    write("child.yaml", "recipe: 1\nextends: small.yaml\noptimizers: {both: {lr: 1e-3}}\n")
    recipe = Recipe.load("child.yaml", ["generator.width=8"])
    lines = [line.split("  # ") for line in show(recipe.resolved(), recipe.origins).splitlines()]
    shown = {what.strip(): origin for what, origin in lines}
    assert shown["width: 8"] == "command line"
    assert shown["norm: batch"] == "small.yaml:3"
    assert shown["lr: 0.001"] == "child.yaml:3"
    assert shown["betas: [0.5, 0.999]"] == "default"
    assert shown["batch_size: 64"] == "default"
    assert shown["name: child"] == "default"
    assert not any(line.startswith("images:") for line in shown)


def test_multi_line_text_is_shown_on_one_line(small: Path) -> None:
    recipe = Recipe.load(small, {"description": "first\nsecond: x"})
    assert 'description: "first\\nsecond: x"' in show(recipe.resolved(), recipe.origins)


def test_parameters_filled_in_by_components_are_shown_as_defaults(small: Path) -> None:
    recipe = Recipe.load(small)
    data = recipe.resolved()
    data["generator"] |= {"depth": 3}
    assert "  depth: 3" in show(data, recipe.origins)


def test_the_shown_text_is_the_same_recipe(small: Path, write: Write) -> None:
    more = """\
    regularizers: {r1: {gamma: 0.1}, second: {use: gp, weight: 2}}
    optimizers: {discriminator: {use: sgd, lr: 4e-4}}
    eval: {extractor: null, metrics: [kid]}
    train: {samples: 7, ema: {half_life_samples: 3}}
    """
    write("child.yaml", "recipe: 1\nextends: small.yaml\n" + more.replace("    ", ""))
    recipe = Recipe.load("child.yaml")
    again = Recipe.load(write("again.yaml", show(recipe.resolved(), recipe.origins)))
    assert again.settings == recipe.settings


@pytest.fixture
def lock(small: Path) -> dict[str, Any]:
    return {"lock": {"torch": "2.13.0"}, **Recipe.load(small).resolved()}


def test_a_lock_reads_back_as_written(project: Path, lock: dict[str, Any]) -> None:
    write_lock(project / "recipe.lock.yaml", lock)
    assert read_lock(project / "recipe.lock.yaml") == lock
    again = project / "again.lock.yaml"
    write_lock(again, dict(reversed(lock.items())))
    assert again.read_bytes() == (project / "recipe.lock.yaml").read_bytes()


def test_an_interrupted_write_leaves_the_old_lock(
    project: Path, lock: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("no power")

    path = project / "recipe.lock.yaml"
    write_lock(path, lock)
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no power"):
        write_lock(path, lock | {"seed": 3})
    assert read_lock(path) == lock


def test_a_lock_is_itself_a_recipe(project: Path, small: Path, lock: dict[str, Any]) -> None:
    write_lock(project / "recipe.lock.yaml", lock)
    recipe = Recipe.load("recipe.lock.yaml", {"seed": 3})
    assert recipe.settings == Recipe.load(small, {"seed": 3}).settings
    assert recipe.lock == lock
    assert Recipe.load(small).lock is None


def test_the_order_of_regularizers_survives_the_lock(project: Path, lock: dict[str, Any]) -> None:
    lock["regularizers"] = {"r1": {"use": "r1"}, "gp": {"use": "gp"}}
    write_lock(project / "a.lock.yaml", lock)
    assert list(Recipe.load("a.lock.yaml").settings.regularizers) == ["r1", "gp"]


def test_a_recipe_is_not_a_lock(project: Path, small: Path) -> None:
    (project / "a.lock.yaml").write_text(small.read_text())
    for read in (Recipe.load, read_lock):
        with pytest.raises(RecipeError, match="not a lock"):
            read(project / "a.lock.yaml")


def test_seed_and_name_and_prose_make_no_other_experiment(lock: dict[str, Any]) -> None:
    same = lock | {"seed": 7, "name": "x", "description": "y", "paper": "z", "reproduced": True}
    assert experiment_id(same) == experiment_id(lock)
    assert experiment_id(lock | {"loss": {"use": "vanilla"}}) != experiment_id(lock)
    assert experiment_id(dict(reversed(lock.items()))) == experiment_id(lock)
    assert len(experiment_id(lock)) == 12
