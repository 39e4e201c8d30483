"""What pydantic found wrong with a recipe, in plain words."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ganzoo.recipes.scalars import shown
from ganzoo.recipes.skeleton import Node, Settings
from ganzoo.recipes.slots import KeyPath
from ganzoo.registry.names import suggest

_TYPES = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_EXAMPLES = {
    "recipe": "recipe: 1",
    "dataset": "dataset: digits",
    "generator": "generator: dcgan",
    "discriminator": "discriminator: dcgan",
    "loss": "loss: hinge",
    "train": "train: {steps: 3000}",
}


def in_words(error: ErrorDetails) -> str:
    """Return what is wrong, and what to write instead where that can be told."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    path = tuple(map(str, error["loc"]))
    if kind == "extra_forbidden":
        return f"unknown key{_nearest_key(path)}"
    if kind == "missing":
        example = _EXAMPLES.get(path[-1]) if len(path) == 1 else None
        return "is required" + (f" - such as `{example}`" if example else "")
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{shown(value)} must be {words} {context[key]}"
    if kind == "literal_error":
        return _not_among(value, context["expected"])
    if kind == "value_error":
        return str(context["error"])
    if kind in _TYPES:
        return f"expected {_TYPES[kind]}, got {shown(value)}{_instead(kind, value)}"
    return error["msg"]


def known_keys(model: type[BaseModel] = Settings, path: KeyPath = ()) -> dict[KeyPath, list[str]]:
    """Return each mapping of the skeleton with its keys."""
    keys = {path: list(model.model_fields)}
    for name, field in model.model_fields.items():
        for part in _parts(field.annotation):
            keys |= known_keys(part, (*path, name))
    if not path:
        keys[()].append("extends")
        keys["optimizers",].append("both")
    return keys


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel) and not issubclass(each, Node):
            yield each


def _nearest_key(path: KeyPath) -> str:
    """Say which key was meant: one of the same mapping, or one of that name elsewhere."""
    *section, key = path
    keys = known_keys()
    near = suggest(key, keys.get(tuple(section), []))
    elsewhere = [".".join((*other, key)) for other, names in keys.items() if key in names]
    if guess := near or next(iter(elsewhere), None):
        return f" - did you mean {guess!r}?"
    return ""


def _not_among(value: Any, expected: str) -> str:
    near = suggest(value, re.findall("'(.*?)'", expected)) if isinstance(value, str) else None
    words = expected.replace("True", "true").replace("False", "false")
    return f"expected {words}, got {shown(value)}" + (f" - did you mean {near!r}?" if near else "")


def _instead(kind: str, value: Any) -> str:
    """Return what to write for a value that is right but for its spelling."""
    digits = value.replace("_", "").replace(",", "") if isinstance(value, str) else ""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f" - write {int(value)}"
    if kind == "int_type" and digits.isdecimal():
        return f" - write {digits}"
    if kind == "bool_type" and str(value).lower() in (*_TRUE, *_FALSE):
        return f" - write {'true' if value.lower() in _TRUE else 'false'}"
    if kind == "string_type" and not isinstance(value, dict | list) and value is not None:
        return f" - put it in quotes: '{shown(value)}'"
    return ""
