"""Loading any file gives a recipe or a RecipeError with a location, and never runs code."""

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.components.planner import plan_components
from ganzoo.errors import GanzooError, RecipeError
from ganzoo.recipes import Recipe
from ganzoo.recipes.merge import paths, value_at
from ganzoo.recipes.show import show
from ganzoo.recipes.yaml import to_yaml
from ganzoo.registry.registry import Registry

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
  ema: {half_life_samples: 3}
  on_nonfinite: skip
  on_collapse: ignore
  stop: {metric: frechet, patience_evals: 3}
eval: {extractor: toy-cnn, reference: test, metrics: [kid, {use: modes, n: 3}]}
"""
PARENT = "optimizers: {both: {use: rmsprop, alpha: 1}}\ntrain: {samples: 5}\nloss: {use: x, y: 1}\n"

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


def test_the_unmodified_recipe_is_valid(directory: Path) -> None:
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


MEGABYTE = 2**20
BOMBS = {
    "a scalar of 10 MB": ("description: " + "a" * 10 * MEGABYTE, "is larger than 1 MiB"),
    "lists in lists": ("description: " + "[" * 10_000 + "]" * 10_000, "more than 32 levels"),
    "mappings in mappings": ("description: " + "{a: " * 10_000 + "1" + "}" * 10_000, "32 levels"),
    "keys": (
        "\n".join(f"k{number}: 1" for number in range(20_000)),
        "is beyond the limit of 5,000",
    ),
    "items": (
        "requires: [" + "a, " * 20_000 + "a]",
        "is beyond the limit of 5,000 keys and values",
    ),
    "one key": ("a" * 900_000 + ": 1", "is not YAML"),
    "digits": ("seed: " + "1" * 900_000, "does not fit in 64 bits"),
    "a name": ("name: " + "a" * 900_000, "is not a valid run name"),
    "a parent": ("extends: " + "a" * 900_000, "is not a recipe"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_an_oversized_recipe_is_reported_in_a_few_lines(project: Path, name: str) -> None:
    text, said = BOMBS[name]
    (project / "bomb.yaml").write_text(f"recipe: 1\n{text}\n")
    with pytest.raises(RecipeError, match=said) as caught:
        Recipe.load(project / "bomb.yaml")
    assert len(str(caught.value)) < 1000


deep: list[Any] = []
for _ in range(10_000):
    deep = [deep]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["description=" + "a" * 10 * MEGABYTE], "is larger than 1 MiB"),
        (["description=" + "[" * 10_000], "more than 32 levels"),
        (["a" * MEGABYTE + "=1"], "unknown key"),
        ({"description": "a" * 10 * MEGABYTE}, "is text of more than 1 MiB"),
        ({"description": deep}, "more than 32 levels"),
        ({"requires": ["a"] * 100_000}, "holds more than 5,000 values"),
        ({"regularizers": dict.fromkeys(map(str, range(100_000)))}, "more than 5,000 values"),
    ],
    ids=range(7),
)
def test_an_oversized_override_is_reported_in_a_few_lines(
    directory: Path, overrides: Any, said: str
) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        Recipe.load(directory / "whole.yaml", overrides)
    assert len(str(caught.value)) < 1000


DEMO = Recipe.load("digits-dcgan-conditional").resolved()
STRINGS = sorted(path for path in paths(DEMO) if isinstance(value_at(DEMO, path), str))


@pytest.mark.parametrize(
    "value", ["os.system", "../x", "!!python/object/apply:os.system [ls]", "nowhere/x", "", "a\tb"]
)
def test_any_string_of_a_real_recipe_may_be_replaced_by_any_text(project: Path, value: str) -> None:
    file = project / "tampered.yaml"
    registry = Registry(["zoo"])
    for path in STRINGS:
        file.write_text(to_yaml(replaced(DEMO, path, value)), encoding="utf-8")
        with contextlib.suppress(GanzooError):
            plan_components(Recipe.load(file, (), registry), registry)
    assert "nowhere" not in sys.modules
