"""What pydantic found wrong with a recipe or with parameters, in plain words."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ganzoo.errors import describe
from ganzoo.recipes.merge import children
from ganzoo.recipes.schema import Group, Node, Settings
from ganzoo.recipes.yaml import KeyPath
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
_ELSEWHERE = {
    "lr": "optimizers.both.lr",
    "learning_rate": "optimizers.both.lr",
    "betas": "optimizers.both.betas",
    "optimizer": "optimizers.both",
    "epochs": "train.samples",
    "iterations": "train.steps",
    "gamma": "regularizers.r1.gamma",
    "width": "generator.width",
}
"""Names that other tools use → our keys."""
_MEANT = " - did you mean "
_EXAMPLES = {
    "recipe": "recipe: 1",
    "dataset": "dataset: digits",
    "generator": "generator: dcgan",
    "discriminator": "discriminator: dcgan",
    "loss": "loss: hinge",
    "train": "train: {steps: 3000}",
}


def readable_errors(errors: Sequence[ErrorDetails], given: Any) -> list[tuple[KeyPath, str]]:
    """Return the path and message of each mistake, one per mistake.

    pydantic reports a value of a union once per member, under paths that name these types; and it
    reports a misspelt key both as unknown and, under its right name, as missing.

    Args:
        given: the validated data; it tells keys in a path from names of types.
    """
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(_path_in(given, error), []).append(error)
    found = {path: _of_several(each) for path, each in by_path.items()}
    meant = {(*path[:-1], words.split("'")[1]) for path, words in found.items() if _MEANT in words}
    return [
        (path, words)
        for path, words in found.items()
        if not (path in meant and by_path[path][0]["type"] == "missing")
    ]


def _path_in(given: Any, error: ErrorDetails) -> KeyPath:
    """Return the part of an error's location that exists in the data, plus a missing key."""
    path: list[str] = []
    for key in error["loc"]:
        inside = dict(children(given))
        if str(key) in inside:
            given = inside[str(key)]
            path.append(str(key))
    if error["type"] == "missing":
        path.append(str(error["loc"][-1]))
    return tuple(path)


def _of_several(errors: Sequence[ErrorDetails]) -> str:
    """Return one message for a value that matches no member of a union."""
    other = [error for error in errors if error["type"] not in _TYPES]
    if len(errors) == 1 or other:
        return describe_error((other or list(errors))[0])
    types = " or ".join(dict.fromkeys(_TYPES[error["type"]] for error in errors))
    return f"expected {types}, got {describe(errors[0]['input'])}"


def describe_error(error: ErrorDetails) -> str:
    """Return the message of one error, with what to write instead if that is known."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    path = tuple(map(str, error["loc"]))
    if kind == "extra_forbidden":
        return f"unknown key{_nearest_key(path)}"
    if kind == "missing":
        example = _EXAMPLES.get(path[-1]) if len(path) == 1 else None
        if path[-1].isdecimal():
            return "is missing: the list is too short"
        return "is required" + (f" - such as `{example}`" if example else "")
    if kind == "too_long":
        return f"expected {context['max_length']} values, got {context['actual_length']}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{describe(value)} must be {words} {context[key]}"
    if kind == "literal_error":
        return _not_among(value, context["expected"])
    if kind == "value_error":
        return str(context["error"])
    if kind in _TYPES:
        return f"expected {_TYPES[kind]}, got {describe(value)}{_instead(kind, value)}"
    return error["msg"]


def known_keys(model: type[BaseModel] = Settings, path: KeyPath = ()) -> dict[KeyPath, list[str]]:
    """Return the keys of every section of the schema, by path."""
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
    """Suggest a similar key of the same section, or a key of that name elsewhere."""
    *section, key = path
    if section[:1] == ["optimizers"] and section[2:3] == ["groups"]:
        near = suggest(key, Group.model_fields)
        return f"{_MEANT}{near!r}?" if near else f"; a group has {', '.join(Group.model_fields)}"
    keys = known_keys()
    near = suggest(key, keys.get(tuple(section), []))
    elsewhere = [".".join((*other, key)) for other, names in keys.items() if key in names]
    if guess := _ELSEWHERE.get(key) or near or next(iter(elsewhere), None):
        return f"{_MEANT}{guess!r}?"
    return ""


def _not_among(value: Any, expected: str) -> str:
    near = suggest(value, re.findall("'(.*?)'", expected)) if isinstance(value, str) else None
    words = expected.replace("True", "true").replace("False", "false")
    return f"expected {words}, got {describe(value)}" + (
        f" - did you mean {near!r}?" if near else ""
    )


def _instead(kind: str, value: Any) -> str:
    """Return what to write for a value that is only spelled wrongly."""
    if value is None:
        return " - leave the key out for its default"
    digits = value.replace("_", "").replace(",", "") if isinstance(value, str) else ""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f" - write {int(value)}"
    if kind == "int_type" and digits.isdecimal():
        return f" - write {digits}"
    if kind == "bool_type" and str(value).lower() in (*_TRUE, *_FALSE):
        return f" - write {'true' if value.lower() in _TRUE else 'false'}"
    if kind == "string_type" and not isinstance(value, dict | list) and value is not None:
        return f" - put it in quotes: '{describe(value)}'"
    return ""
