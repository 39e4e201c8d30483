"""Overrides: ``key=value`` from a command line, or a mapping from Python, as the last layer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from ganzoo.errors import Problem, RecipeError, UsageError, describe, truncate
from ganzoo.recipes.merge import COMMAND_LINE, NOWHERE, OVERRIDES, Layer, long_form
from ganzoo.recipes.schema import join_schedule_key
from ganzoo.recipes.yaml import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    KeyPath,
    check_finite,
    check_int64,
    check_printable,
    read,
)

Overrides = Sequence[str] | Mapping[str, Any]

_HINTS = {
    COMMAND_LINE: "train.steps=500 'optimizers.both.betas=[0, 0.9]'   # quoted for the shell",
    OVERRIDES: 'overrides are a mapping such as {"train.steps": 500}',
}
_FIXED = ("recipe", "extends", "lock")
"""Keys that describe a file and cannot be overridden."""


def override_layer(overrides: Overrides) -> Layer:
    """Return the overrides as one layer. Its relative paths start at the working directory.

    If two overrides set one key, the later one wins.

    Args:
        overrides: ``key=value`` strings with values in YAML; or a mapping of keys, dotted or
            nested, to plain data.

    Raises:
        RecipeError: every override that cannot be read or that contradicts another one.
        UsageError: the overrides have neither form.
    """
    source = OVERRIDES if isinstance(overrides, Mapping) else COMMAND_LINE
    data: dict[str, Any] = {}
    problems = []
    for key, value in _pairs(overrides):
        try:
            path, nested = _path(key), value()
            for part in reversed(path):
                nested = {part: nested}
            _join(data, long_form(nested))
        except ValueError as error:
            problems.append(Problem(source, *NOWHERE, _printable(key), str(error)))
    if problems:
        raise RecipeError(problems, hint=_HINTS[source])
    return Layer.of(data, {(): NOWHERE}, source, Path.cwd())


def override_keys(overrides: Overrides) -> list[str]:
    """Return the dotted keys that the overrides set."""
    if isinstance(overrides, Mapping):
        return list(overrides)
    return [override.partition("=")[0] for override in overrides]


def _pairs(overrides: Overrides) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield each key with a function that returns its value."""
    if isinstance(overrides, Mapping):
        yield from ((key, partial(plain, value)) for key, value in overrides.items())
        return
    given = [overrides] if isinstance(overrides, str) else overrides
    if not (isinstance(given, Sequence) and all(isinstance(each, str) for each in given)):
        what = f"overrides are key=value strings or a mapping, not {describe(overrides)}"
        raise UsageError(what, hint=_HINTS[OVERRIDES])
    yield from ((each.partition("=")[0], partial(_parsed, each)) for each in given)


def _parsed(override: str) -> Any:
    _, equals, text = override.partition("=")
    if not equals:
        raise ValueError("is not of the form key=value")
    reading = read(text, COMMAND_LINE)
    if reading.problems:
        raise ValueError("; ".join(problem.what for problem in reading.problems))
    if reading.data is None and text.strip() not in ("null", "~"):
        raise ValueError("has no value - write null for none")
    return reading.data


def plain(value: Any, depth: int = 0) -> Any:
    """Convert a Python value to the plain data that the YAML reader would return.

    Raises:
        ValueError: a recipe cannot hold this value; the message says why.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping | list | tuple) and len(value) > MAX_VALUES:
        raise ValueError(f"holds more than {MAX_VALUES:,} values")
    if isinstance(value, Mapping):
        return {_key(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, depth + 1) for each in value]
    if isinstance(value, int):
        return check_int64(int(value))
    if isinstance(value, float):
        return check_finite(float(value))
    if isinstance(value, str | PurePath):
        if len(str(value)) > MAX_BYTES:
            raise ValueError("is text of more than 1 MiB")
        return check_printable(str(value))
    if callable(listed := getattr(value, "tolist", None)):  # numpy and torch, including scalars
        return plain(listed(), depth + 1)
    raise ValueError(
        f"has type {type(value).__name__} - a recipe holds text, numbers, lists and mappings"
    )


def _path(key: str) -> KeyPath:
    """Split a key at its dots, except for dots inside the key of a schedule."""
    path = tuple(_key(key).split("."))
    if path[0] in _FIXED:
        raise ValueError("describes the file itself and cannot be overridden")
    if len(path) > MAX_DEPTH or not all(path) or any(part != part.strip() for part in path):
        raise ValueError("is not a key of a recipe")
    if path[0] == "schedules" and len(path) > 1:
        return (path[0], *join_schedule_key(path[1:]))
    return path


def _key(key: Any) -> str:
    if not isinstance(key, str) or not key or not key.isprintable():
        raise ValueError(f"a key is one word, not {describe(key)}")
    return key


def _printable(key: Any) -> str:
    return truncate(key if isinstance(key, str) and key and key.isprintable() else repr(key))


def _join(into: dict[str, Any], new: dict[str, Any]) -> None:
    """Add one override to the others; within one layer nothing is dropped."""
    for key, value in new.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _join(present, value)
        elif key in into and isinstance(present, dict) != isinstance(value, dict):
            raise ValueError("contradicts another override of the same key")
        else:
            into[key] = value
