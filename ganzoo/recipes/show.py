"""A resolved recipe as YAML, each line with where its value comes from."""

from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo.recipes.merge import Origin
from ganzoo.recipes.yaml import KeyPath, yaml_line

INDENT = "  "
MAX_COLUMN = 60
"""Comments are aligned as far as this; longer lines have theirs right behind them."""


def show(data: Mapping[str, Any], origins: Mapping[KeyPath, Origin]) -> str:
    """Return `data` as YAML with a trailing comment on each line: ``file:line`` or ``default``.

    The text is itself a recipe. A list is one line, with the origin of the whole.

    Args:
        data: a recipe with its defaults filled in, such as `Recipe.resolved` gives, or the same
            with all the parameters of its components.
        origins: of what was written, such as `Recipe.origins`; what is not in it is a default.
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
