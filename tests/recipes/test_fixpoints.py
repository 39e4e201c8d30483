"""Generated recipes: showing, reading, extending and overriding agree with each other."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.recipes import Recipe
from ganzoo.recipes.show import show
from ganzoo.recipes.yaml import to_yaml

fast = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
numbers = st.integers(1, 9) | st.floats(0.1, 9)
words = st.sampled_from(["a", "2e-4", "yes", "012", "~x", "a: b", "# c", "ü", "null ", "12:30"])
values = numbers | words | st.booleans() | st.lists(numbers | words, max_size=2)
parameters = st.dictionaries(st.sampled_from(["width", "depth", "norm", "path"]), values)
ids = st.sampled_from(["dcgan", "zoo/dcgan", "resnet", "acme/unet", "gp"])


def node(rest: Any) -> Any:
    return ids | st.builds(lambda use, more: {"use": use, **more}, ids, rest)


slots = st.dictionaries(st.sampled_from(["r1", "gp", "mine"]), parameters | node(parameters))
MORE = {
    "description": words,
    "seed": st.integers(0, 2**63 - 1),
    "conditional": st.booleans(),
    "generator": node(parameters),
    "latent": node(parameters),
    "augmentation": node(parameters),
    "regularizers": slots,
    "callbacks": slots,
    "optimizers": st.fixed_dictionaries(
        {},
        optional={
            "both": node(parameters) | parameters,
            "generator": parameters,
            "discriminator": node(parameters),
        },
    ),
    "schedules": st.dictionaries(
        st.sampled_from(["optimizers.both.lr", "loss.x"]), node(parameters)
    ),
    "train": st.fixed_dictionaries(
        {},
        optional={
            "ema": st.fixed_dictionaries({"half_life_samples": st.floats(1, 1e9)}),
            "compile": st.sampled_from(["auto", False]),
            "keep": st.integers(2, 9),
            "batch_size": st.integers(1, 512),
        },
    ),
    "eval": st.fixed_dictionaries(
        {},
        optional={
            "metrics": st.lists(node(parameters), max_size=2),
            "seed": st.integers(0, 9),
            "latent": node(parameters),
            "sampling": st.dictionaries(st.sampled_from(["truncation", "~x"]), numbers),
        },
    ),
}
parts = st.fixed_dictionaries({}, optional=MORE)
WHOLE = {"recipe": 1, "dataset": "d", "generator": "g", "discriminator": "d", "loss": "l"}


def whole(part: dict[str, Any]) -> dict[str, Any]:
    return WHOLE | part | {"train": {"steps": 5} | part.get("train", {})}


def written(project: Path, name: str, data: dict[str, Any]) -> Path:
    path = project / name
    path.write_text(to_yaml(data), encoding="utf-8")
    return path


def values_of(text: str) -> list[str]:
    return [line.rpartition("  # ")[0].rstrip() for line in text.splitlines()]


@given(part=parts)
@fast
def test_showing_a_shown_recipe_gives_the_same_text(project: Path, part: Any) -> None:
    first = Recipe.load(written(project, "a.yaml", whole(part)))
    text = show(first.resolved(), first.origins)
    (project / "b.yaml").write_text(text, encoding="utf-8")
    second = Recipe.load(project / "b.yaml")
    assert second.settings == first.settings
    assert values_of(show(second.resolved(), second.origins)) == values_of(text)


@given(first=parts, second=parts, third=parts)
@fast
def test_resolving_ancestors_one_by_one_equals_resolving_them_at_once(
    project: Path, first: Any, second: Any, third: Any
) -> None:
    written(project, "a.yaml", whole(first))
    middle = Recipe.load(written(project, "b.yaml", {"recipe": 1, "extends": "a.yaml"} | second))
    written(project, "flat.yaml", middle.data)
    at_once = written(project, "c.yaml", {"recipe": 1, "extends": "b.yaml"} | third)
    by_steps = written(project, "d.yaml", {"recipe": 1, "extends": "flat.yaml"} | third)
    named = {"name": "x"}
    assert Recipe.load(by_steps, named).settings == Recipe.load(at_once, named).settings


@given(part=parts, more=parts)
@fast
def test_overrides_equal_a_child_recipe_with_the_same_keys(
    project: Path, part: Any, more: Any
) -> None:
    base = written(project, "a.yaml", whole(part) | {"name": "x"})
    described = {"description": None} | more
    child = written(project, "b.yaml", {"recipe": 1, "extends": "a.yaml", "name": "x"} | described)
    assert Recipe.load(base, described).settings == Recipe.load(child).settings


@pytest.mark.parametrize("empty", [{}, {"regularizers": {}}, {"train": {}}])
def test_empty_overrides_change_nothing(project: Path, empty: dict[str, Any]) -> None:
    path = written(project, "a.yaml", whole({}))
    assert Recipe.load(path, empty).settings == Recipe.load(path).settings
