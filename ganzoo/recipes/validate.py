"""Pass 2: validate merged data against the schema; report every problem with its line.

The *shape* puts components apart from their parameters, so that `Settings` can validate the data.
A *partial* recipe, without its wrong values, lets later passes find more problems. The last part
says in plain words what pydantic found, in a recipe or in the parameters of a component.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ganzoo.errors import Findings, RecipeError, describe
from ganzoo.recipes.merge import Layer, Note, Origin, children, note_line, problem_at, without_nulls
from ganzoo.recipes.schema import (
    BOTH,
    BUDGETS,
    DEFAULT_IDS,
    DEFAULT_OPTIMIZER,
    NAMED_BY_KEY,
    SIDES,
    Group,
    Node,
    Settings,
    kind_of,
    models_in,
)
from ganzoo.recipes.yaml import KeyPath
from ganzoo.registry.names import PLURALS, guess, qualify, suggest, with_article

HINT = "ganzoo show digits-dcgan-hinge   # a recipe with every key"


def check(merged: Layer, default_name: str) -> tuple[Layer, Settings]:
    """Return the layer without the slots that null removed, and its settings.

    Args:
        default_name: the recipe's name if it gives none.

    Raises:
        RecipeError: every problem of the schema, sorted by line. `partial` is a layer and settings
            without the wrong values, or None.
    """
    data = without_nulls(merged.data)
    problems = [*_budget(data), *_schedules(data), *_labels(data)]
    shaped, dropped = _shape(data, problems)
    named = {"name": default_name} | shaped
    try:
        settings = Settings.model_validate_json(json.dumps(named), strict=True)
    except ValidationError as error:
        problems += map(Note._make, readable_errors(error.errors(), named))
    notes = (note_line(each, merged.origins) for each in dropped)
    layer = Layer(data, _both_as_sides(merged.origins), (*merged.notes, *notes))
    findings = Findings()
    for path, what in problems:
        findings.add(problem_at(merged.origins, path, what), _hint(path, what))
    try:
        findings.raise_any()
    except RecipeError as error:
        partial = _partial_settings(named, [path for path, _ in problems])
        error.partial = (layer, partial) if partial else None
        raise
    return layer, settings


def _hint(path: KeyPath, what: str) -> str | None:
    """Return the command that shows valid values, unless the message suggests one itself."""
    if " - " in what or not what.startswith(("unknown", "expected", "is required", "does not")):
        return None
    kind = kind_of(path)
    return f"ganzoo list {PLURALS[kind]}" if kind else HINT


def _budget(data: dict[str, Any]) -> Iterator[Note]:
    train = data.get("train")
    if isinstance(train, dict):
        given = [key for key in BUDGETS if train.get(key) is not None]
        if not given:
            yield Note(("train",), "needs a budget: `steps` or `samples`, such as `steps: 3000`")
        if len(given) > 1:
            yield Note(("train", given[1]), f"is a second budget beside `{given[0]}`: keep one")


def _labels(data: dict[str, Any]) -> Iterator[Note]:
    if data.get("labels") == "uniform" and data.get("conditional", False) is False:
        what = "'uniform' has no effect in a recipe that is not conditional"
        yield Note(("labels",), what + " - set `conditional: true` or remove `labels`")


def _schedules(data: dict[str, Any]) -> Iterator[Note]:
    schedules = data.get("schedules")
    for key in schedules if isinstance(schedules, dict) else ():
        section, *rest = key.split(".")
        if section not in Settings.model_fields or not rest or not all(rest):
            near = suggest(section, Settings.model_fields) if rest else None
            better = f" - did you mean {'.'.join([near, *rest])!r}?" if near else ""
            words = f"is not the path of a number, such as optimizers.both.lr{better}"
            yield Note(("schedules", key), words)


def _both_as_sides(origins: dict[KeyPath, Origin]) -> dict[KeyPath, Origin]:
    """Return the origins, where settings of `optimizers.both` count for both players."""
    shared = {path[2:]: origin for path, origin in origins.items() if path[:2] == BOTH}
    sides = {(*side, *rest): origin for rest, origin in shared.items() for side in SIDES}
    return sides | origins


# --- shape ---------------------------------------------------------------------------------------

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)?")
_SLOT_KEYS = {"regularizer": ("weight", "every_steps"), "optimizer": ("groups",)}
_AUTO = ("eval", "extractor")


def _shape(data: dict[str, Any], problems: list[Note]) -> tuple[dict[str, Any], list[Note]]:
    """Return merged data in the form that `Settings` validates, and notes; add to `problems`."""
    notes: list[Note] = []
    optimizers = data.get("optimizers", {})
    if isinstance(optimizers, dict):
        data = data | {"optimizers": _optimizers(optimizers, problems, notes)}
    return _part(data, (), problems), notes


def _part(value: Any, path: KeyPath, problems: list[Note]) -> Any:
    if kind := kind_of(path):
        return None if value is None else _component(value, path, kind, problems)
    if isinstance(value, dict):
        return {key: _part(each, (*path, key), problems) for key, each in value.items()}
    if isinstance(value, list):
        return [_part(each, (*path, str(index)), problems) for index, each in enumerate(value)]
    return value


def _component(value: Any, path: KeyPath, kind: str, problems: list[Note]) -> Any:
    """Return a component's node, or a placeholder if it is wrong, so it is reported once."""
    if mistake := _mistake(value, path, kind):
        problems.append(mistake)
        return PLACEHOLDER
    use = value.get("use", _default_id(path))
    parameters = {key: each for key, each in value.items() if key != "use"}
    if path == _AUTO and use == "auto":
        if parameters:
            problems.append(Note(path, "`auto` has no parameters: name the extractor"))
        return use
    slot = {key: parameters.pop(key) for key in _SLOT_KEYS.get(kind, ()) if key in parameters}
    return {"use": use, "parameters": parameters} | slot


def _mistake(value: Any, path: KeyPath, kind: str) -> Note | None:
    expected = f"expected the name of {with_article(kind)}"
    if not isinstance(value, dict):
        return Note(path, f"{expected} or a mapping with `use`, got {describe(value)}")
    use = value.get("use", _default_id(path))
    if use is None:
        return Note(path, f"does not say which {kind}: give `use`")
    if not isinstance(use, str) or not use:
        return Note((*path, "use"), f"{expected}, got {describe(use)}")
    if path[0] in NAMED_BY_KEY and not _KEY.fullmatch(path[-1]):
        return Note(path, "a key here is one word of letters, digits, '-' and '_'")
    return None


def _default_id(path: KeyPath) -> str | None:
    return path[-1] if path[0] in NAMED_BY_KEY else DEFAULT_IDS.get(path)


def _optimizers(written: dict[str, Any], problems: list[Note], notes: list[Note]) -> dict[str, Any]:
    """Merge the optimizer of each player over `both`, and `both` over the default.

    `both` is left out of the result. Values that are no mappings stay, for `Settings` to refuse.
    """
    both = _merged_over(DEFAULT_OPTIMIZER, written.get("both", {}))
    if not isinstance(both, dict) or not isinstance(both["use"], str):
        problems.append(Note(BOTH, "expected the name of an optimizer, or a mapping"))
        both = DEFAULT_OPTIMIZER
    folded = {key: value for key, value in written.items() if key != "both"}
    for side in ("generator", "discriminator"):
        node = folded[side] = _merged_over(both, written.get(side, {}))
        shared = written.get("both")
        if isinstance(shared, dict) and isinstance(node, dict):
            lost = [key for key in shared if key != "use" and key not in node]
            words = f"is {describe(node['use'])}; settings of both that do not apply: "
            if lost:
                notes.append(Note(("optimizers", side), words + ", ".join(lost)))
    return folded


def _merged_over(outer: dict[str, Any], inner: Any) -> Any:
    """Return `inner` merged over `outer`, or `inner` alone if it is another component."""
    if not isinstance(inner, dict):
        return inner
    use = inner.get("use", outer["use"])
    same = isinstance(use, str) and qualify(use) == qualify(outer["use"])
    return outer | inner if same else inner


# --- partial recipes -----------------------------------------------------------------------------

PLACEHOLDER = {"use": ""}
"""Replaces a component that is wrong or missing; it is never looked up."""

_NEEDED: dict[str, Any] = {
    "recipe": 1,
    "name": "recipe",
    "dataset": PLACEHOLDER,
    "generator": PLACEHOLDER,
    "discriminator": PLACEHOLDER,
    "loss": PLACEHOLDER,
}


def _partial_settings(shaped: dict[str, Any], wrong: Iterable[KeyPath]) -> Settings | None:
    """Return the settings of shaped data without its wrong paths; None if too little is left."""
    data = deepcopy(shaped)
    for path in wrong:
        _remove(data, path)
    data = _NEEDED | data
    if not isinstance(data.get("train"), dict):
        data["train"] = {}
    budgets = [key for key in BUDGETS if data["train"].get(key) is not None]
    for surplus in budgets[1:]:
        del data["train"][surplus]
    if not budgets:
        data["train"]["steps"] = 1
    try:
        return Settings.model_validate_json(json.dumps(data), strict=True)
    except ValidationError:
        return None


def _remove(data: dict[str, Any], path: KeyPath) -> None:
    """Remove the value at a path; inside a list, the whole list, because positions would shift."""
    if len(path) > 1 and isinstance(data.get(path[0]), dict):
        _remove(data[path[0]], path[1:])
    elif path:
        data.pop(path[0], None)


# --- what pydantic found -------------------------------------------------------------------------

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
_BOOLS = {"true": "true", "yes": "true", "on": "true"} | dict.fromkeys(
    ("false", "no", "off"), "false"
)
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
    suggested = {path: words.split("'")[1] for path, words in found.items() if _MEANT in words}
    meant = {(*path[:-1], key) for path, key in suggested.items()}
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
    other = [error for error in errors if error["type"] not in (*_TYPES, "literal_error")]
    if len(errors) == 1 or other:
        return describe_error((other or list(errors))[0])
    kinds = (_TYPES.get(each["type"]) or each["ctx"]["expected"] for each in errors)
    return f"expected {' or '.join(dict.fromkeys(kinds))}, got {describe(errors[0]['input'])}"


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
        expected = context["expected"]
        near = guess(value, re.findall("'(.*?)'", expected)) if isinstance(value, str) else ""
        words = expected.replace("True", "true").replace("False", "false")
        return f"expected {words}, got {describe(value)}{near}"
    if kind == "value_error":
        return str(context["error"])
    if kind in _TYPES:
        return f"expected {_TYPES[kind]}, got {describe(value)}{_instead(kind, value)}"
    return error["msg"]


def _known_keys(model: type[BaseModel] = Settings, path: KeyPath = ()) -> dict[KeyPath, list[str]]:
    """Return the keys of every section of the schema, by path."""
    keys = {path: list(model.model_fields)}
    for name, info in model.model_fields.items():
        for part in models_in(info):
            if not issubclass(part, Node):
                keys |= _known_keys(part, (*path, name))
    if not path:
        keys[()].append("extends")
        keys["optimizers",].append("both")
    return keys


def _nearest_key(path: KeyPath) -> str:
    """Suggest a similar key of the same section, or a key of that name elsewhere."""
    *section, key = path
    if section[:1] == ["optimizers"] and section[2:3] == ["groups"]:
        return guess(key, Group.model_fields) or f"; a group has {', '.join(Group.model_fields)}"
    keys = _known_keys()
    near = suggest(key, keys.get(tuple(section), []))
    elsewhere = [".".join((*other, key)) for other, names in keys.items() if key in names]
    meant = _ELSEWHERE.get(key) or near or next(iter(elsewhere), None)
    return f"{_MEANT}{meant!r}?" if meant else ""


def _instead(kind: str, value: Any) -> str:
    """Return what to write for a value that is only spelled wrongly."""
    if value is None:
        return " - leave the key out for its default"
    digits = value.replace("_", "").replace(",", "") if isinstance(value, str) else ""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f" - write {int(value)}"
    if kind == "int_type" and digits.isdecimal():
        return f" - write {digits}"
    if kind == "bool_type" and (meant := _BOOLS.get(str(value).lower())):
        return f" - write {meant}"
    if kind == "string_type" and not isinstance(value, dict | list) and value is not None:
        return f" - put it in quotes: '{describe(value)}'"
    return ""
