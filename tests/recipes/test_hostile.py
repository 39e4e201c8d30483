"""Whatever stands in a recipe, loading it ends in a recipe or in a RecipeError with a place."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.errors import RecipeError
from ganzoo.recipes import Recipe
from ganzoo.recipes.show import show
from ganzoo.recipes.slots import paths

RECIPE = """\
recipe: 1
name: whole
description: everything at once
paper: arXiv:1
published: {metric: frechet, value: 3.5, source: table 1, select: best}
reproduced: {value: 3.6}
extends: parent.yaml
requires: [ganzoo-acme]
seed: 3
dataset: {use: folder, path: images}
generator: {use: dcgan, width: 64, layers: [1, {a: b}]}
discriminator: dcgan
latent: {use: uniform}
loss: hinge
conditional: true
labels: uniform
regularizers: {r1: {gamma: 0.1, weight: 2}, mine: {use: acme/x}}
augmentation: diffaugment
callbacks: {log: {path: x}}
optimizers: {both: {use: adam, lr: 1e-3}, discriminator: {use: sgd}, generator: {betas: [0, 1]}}
schedules: {optimizers.both.lr: {use: linear, end: 0}}
init: {generator: last, discriminator: weights.safetensors}
train:
  steps: 3
  precision: bf16
  memory_format: auto
  compile: auto
  data: auto
  ema: {half_life_images: 3}
  on_nonfinite: skip
  on_collapse: ignore
  stop: {metric: frechet, patience_evals: 3}
eval: {extractor: toy-cnn, reference: test, metrics: [kid, {use: modes, n: 3}]}
"""
PARENT = "optimizers: {both: {use: rmsprop, alpha: 1}}\ntrain: {images: 5}\nloss: {use: x, y: 1}\n"

WHOLE = yaml.safe_load(RECIPE)
PLACES = sorted(path for path in paths(WHOLE) if path)
HOSTILE = [
    None, True, 0, -1, 1, 2**63 - 1, 1e308, "", " ", ".", "..", "/", "~", "-", "a" * 10_000,
    "../../../etc/passwd", "/etc/passwd", "../x.yaml", "/dev/zero.yaml", "parent.yaml", "a.yaml",
    "os.system", "torch.nn:Linear", "!!python/object/apply:os.system", "${HOME}", "{{x}}", "$(id)",
    "zoo/dcgan", "a/b/c", "A/B", "/b", "a/", "zoo/", "nowhere/base", "auto", "use", "null", "both",
    "0", "1e5", "yes", "\n", "a\tb", "é", "\u202e", "\U0001f600", "<<", "*a", "&a", "=", "%", "--",
    [], [[]], [None], ["a", 1], {}, {"use": 3}, {"use": None}, {"use": "a", "use ": 1},
    {"use": {"use": "x"}}, {"a": {"b": [{"c": None}]}}, {"": 1}, {"both": {"use": []}},
    {"__class__": 1}, {"parameters": 1}, {"weight": None}, {"metrics": {"0": 1}}, {"lr": {}},
]  # fmt: skip
hostile = st.sampled_from(HOSTILE) | st.text(max_size=20)


def replaced(data: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(data, list):
        return [
            replaced(each, tuple(rest), value) if str(place) == key else each
            for place, each in enumerate(data)
        ]
    return data | {key: replaced(data[key], tuple(rest), value)}


@pytest.fixture
def directory(project: Path) -> Path:
    (project / "parent.yaml").write_text(PARENT)
    (project / "whole.yaml").write_text(RECIPE)
    return project


def outcome(reference: Path, overrides: Any = ()) -> Recipe | None:
    try:
        recipe = Recipe.load(reference, overrides)
    except RecipeError as error:
        for problem in error.problems:
            assert re.match(r"(\S+\.yaml:\d+:\d+|command line|overrides)  ", str(problem))
            assert len(str(problem)) < 500
        return None
    assert show(recipe.resolved(), recipe.origins)
    return recipe


def test_the_recipe_that_is_tampered_with_is_valid(directory: Path) -> None:
    assert outcome(directory / "whole.yaml") is not None


@given(place=st.sampled_from(PLACES), value=hostile)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_in_a_file_makes_a_recipe_or_a_recipe_error(
    directory: Path, place: tuple[str, ...], value: Any
) -> None:
    data = replaced(WHOLE, place, value)
    path = directory / "tampered.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    outcome(path)


@given(place=st.sampled_from(PLACES), value=hostile)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_override_makes_a_recipe_or_a_recipe_error(
    directory: Path, place: tuple[str, ...], value: Any
) -> None:
    outcome(directory / "whole.yaml", {".".join(place): value})
    outcome(directory / "whole.yaml", [f"{'.'.join(place)}={value}"])


@given(line=st.integers(0, RECIPE.count("\n") - 1), text=st.text(max_size=20))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_line_in_a_file_makes_a_recipe_or_a_recipe_error(
    directory: Path, line: int, text: str
) -> None:
    lines = RECIPE.splitlines()
    lines[line] = text
    path = directory / "tampered.yaml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    outcome(path)


def test_no_name_in_a_recipe_is_imported(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "evil.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(directory)
    for value in ("evil", "evil:main", "evil.main", "!!python/module:evil"):
        for key in ("generator", "dataset.use", "extends", "init.generator"):
            text = re.sub(
                rf"^{key.split('.')[0]}:.*$",
                f"{key.split('.')[0]}: '{value}'",
                RECIPE,
                flags=re.MULTILINE,
            )
            (directory / "a.yaml").write_text(text)
            outcome(directory / "a.yaml")
