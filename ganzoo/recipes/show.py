"""A resolved recipe as YAML, with the source of each value as a comment."""

from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo.recipes.merge import Origin
from ganzoo.recipes.yaml import KeyPath, yaml_line

INDENT = "  "
MAX_COLUMN = 60
"""Comments are aligned up to this column; after longer lines they follow directly."""


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
