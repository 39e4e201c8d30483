"""docs/recipes.md lists every key with its docstring from the schema; its examples are valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from ganzoo.recipes import Node, Recipe, Settings
from ganzoo.recipes.schema import Optimizers
from ganzoo.recipes.yaml import yaml_line

DOCS = Path(__file__).parents[2] / "docs" / "recipes.md"
IN_WORDS = {
    "name": "the file's name",
    "optimizers": "adam, lr 2e-4, betas [0.5, 0.999]",
    "init": "",
    "eval": "",
}
"""Defaults that are not values of the key itself."""


def rows_of_the_schema(model: Any = Settings, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = (*path, name)
        key = ".".join(inner)
        values = ", ".join(map(yaml_line, literals(field.annotation)))
        yield f"| `{key}` | {values} | {default(key, field)} | {field.description} |"
        for part in (field.annotation, *get_args(field.annotation)):
            is_section = isinstance(part, type) and issubclass(part, BaseModel)
            if is_section and not issubclass(part, Node | Optimizers):
                yield from rows_of_the_schema(part, inner)


def literals(annotation: Any) -> tuple[Any, ...]:
    found = [each for each in (annotation, *get_args(annotation)) if get_origin(each) is Literal]
    return get_args(found[0]) if found else ()


def default(key: str, field: Any) -> str:
    if key in IN_WORDS:
        return IN_WORDS[key]
    if field.is_required():
        return "**required**"
    value = field.default
    if isinstance(value, Node):
        return value.use
    return yaml_line(list(value) if isinstance(value, tuple) else value)


def test_the_documentation_lists_exactly_the_keys_of_the_schema() -> None:
    lines = DOCS.read_text().splitlines()
    documented = [line for line in lines if line.startswith("| `") and line.count(" | ") == 3]
    assert sorted(documented) == sorted(rows_of_the_schema())


EXAMPLES = re.findall(r"```yaml\n(recipe: 1\b.*?)```", DOCS.read_text(), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_recipe(text: str, project: Path) -> None:
    (project / "base.yaml").write_text(EXAMPLES[0])
    (project / "example.yaml").write_text(text)
    assert Recipe.load("example.yaml").settings.train


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 2
