"""A resolved recipe: as data, and as YAML with the source of each value as a comment."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from ganzoo.recipes.merge import Origin
from ganzoo.recipes.schema import BUDGETS, Node, OptimizerNode, RegularizerNode, Train
from ganzoo.recipes.yaml import KeyPath, yaml_line

INDENT = "  "
MAX_COLUMN = 60
"""Comments are aligned up to this column; after longer lines they follow directly."""


def settings_data(part: Any) -> Any:
    """Return settings, or a part of them, as recipe data with every default filled in."""
    if isinstance(part, RegularizerNode):
        slot = {"use": part.use, "weight": part.weight, "every_steps": part.every_steps}
        return slot | part.parameters
    if isinstance(part, OptimizerNode) and part.groups:
        return {"use": part.use} | part.parameters | {"groups": settings_data(part.groups)}
    if isinstance(part, Node):
        return {"use": part.use} | part.parameters
    if isinstance(part, BaseModel):
        fields = {name: settings_data(getattr(part, name)) for name in type(part).model_fields}
        budget = BUDGETS if isinstance(part, Train) else ()
        return {key: each for key, each in fields.items() if key not in budget or each is not None}
    if isinstance(part, dict):
        return {key: settings_data(each) for key, each in part.items()}
    if isinstance(part, list | tuple):
        return [settings_data(each) for each in part]
    return part


def show(data: Mapping[str, Any], origins: Mapping[KeyPath, Origin]) -> str:
    """Return `data` as YAML with a trailing comment on each line: ``file:line`` or ``default``.

    The text is itself a valid recipe. A list takes one line, with the origin of the whole list.

    Args:
        data: a recipe with its defaults filled in (`Recipe.resolved`), with or without the default
            parameters of its components.
        origins: origins of the written values (`Recipe.origins`); all other values are defaults.
    """
    lines = list(_lines(data, origins, ()))
    column = max((len(line) for line, _ in lines if len(line) <= MAX_COLUMN), default=0)
    return "".join(f"{line:<{column}}  # {origin}\n" for line, origin in lines)


def _lines(
    data: Mapping[str, Any], origins: Mapping[KeyPath, Origin], path: KeyPath
) -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        inner = (*path, key)
        start = f"{INDENT * len(path)}{yaml_line(key)}:"
        origin = str(origins.get(inner, "default"))
        if isinstance(value, Mapping) and value:
            yield start, origin
            yield from _lines(value, origins, inner)
        else:
            yield f"{start} {yaml_line(value)}", origin
