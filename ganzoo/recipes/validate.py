"""Pass 2: validate merged data against the schema; report every problem with its line.

The *shape* puts components apart from their parameters, so that `Settings` can validate the data.
A *partial* recipe, without its wrong values, lets later passes find more problems.
"""

import json
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ganzoo.errors import Findings, Problem, RecipeError, describe, truncate
from ganzoo.recipes.merge import Layer, Note, Origin, nearest, note_line, without_nulls
from ganzoo.recipes.messages import readable_errors
from ganzoo.recipes.schema import (
    BOTH,
    BUDGETS,
    DEFAULT_IDS,
    DEFAULT_OPTIMIZER,
    NAMED_BY_KEY,
    SIDES,
    Settings,
    kind_of,
)
from ganzoo.recipes.yaml import KeyPath
from ganzoo.registry.names import PLURALS, qualify, suggest

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
    shaped = shape(data)
    problems = [*shaped.problems, *_budget(data), *_schedules(data)]
    problems += _labels(data)
    named = {"name": default_name} | shaped.data
    try:
        settings = Settings.model_validate_json(json.dumps(named), strict=True)
    except ValidationError as error:
        problems += map(Note._make, readable_errors(error.errors(), named))
    notes = (note_line(each, merged.origins) for each in shaped.notes)
    layer = Layer(data, _both_as_sides(merged.origins), (*merged.notes, *notes))
    findings = Findings()
    for path, what in problems:
        findings.add(problem_at(merged.origins, path, what), _hint(path, what))
    try:
        findings.raise_any()
    except RecipeError as error:
        partial = partial_settings(named, [path for path, _ in problems])
        error.partial = (layer, partial) if partial else None
        raise
    return layer, settings


def _hint(path: KeyPath, what: str) -> str | None:
    """Return the command that shows valid values, unless the message suggests one itself."""
    if " - " in what or not what.startswith(("unknown", "expected", "is required", "does not")):
        return None
    kind = kind_of(path)
    return f"ganzoo list {PLURALS[kind]}" if kind else HINT


def problem_at(origins: dict[KeyPath, Origin], path: KeyPath, what: str) -> Problem:
    """Return a problem located where `path`, or the closest value around it, was written."""
    origin = nearest(origins, path)
    return Problem(origin.file, origin.line, origin.column, truncate(".".join(path), 200), what)


def _budget(data: dict[str, Any]) -> Iterator[Note]:
    train = data.get("train")
    if isinstance(train, dict):
        given = [key for key in BUDGETS if train.get(key) is not None]
        if not given:
            yield Note(("train",), "needs a budget: `steps` or `samples`, such as `steps: 3000`")
        if len(given) > 1:
            yield Note(("train",), "has two budgets, `steps` and `samples`: keep one")


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
            guess = f" - did you mean {'.'.join([near, *rest])!r}?" if near else ""
            yield Note(
                ("schedules", key),
                f"is not the path of a number, such as optimizers.both.lr{guess}",
            )


def _both_as_sides(origins: dict[KeyPath, Origin]) -> dict[KeyPath, Origin]:
    """Return the origins, where settings of `optimizers.both` count for both players."""
    shared = {path[2:]: origin for path, origin in origins.items() if path[:2] == BOTH}
    sides = {(*side, *rest): origin for rest, origin in shared.items() for side in SIDES}
    return sides | origins


# --- shape ---------------------------------------------------------------------------------------


_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)?")
_SLOT_KEYS = {"regularizer": ("weight", "every_steps"), "optimizer": ("groups",)}
_AUTO = ("eval", "extractor")


@dataclass
class Shape:
    """The input of `Settings`, with the problems and notes of shaping it."""

    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def refuse(self, path: KeyPath, words: str) -> None:
        """Record a problem."""
        self.problems.append(Note(path, words))


def shape(data: dict[str, Any]) -> Shape:
    """Return merged data, without removed slots, in the form that `Settings` validates."""
    shaped = Shape()
    optimizers = data.get("optimizers", {})
    if isinstance(optimizers, dict):
        data = data | {"optimizers": _optimizers(optimizers, shaped)}
    shaped.data = _part(data, (), shaped)
    return shaped


def _part(value: Any, path: KeyPath, shaped: Shape) -> Any:
    if kind := kind_of(path):
        return None if value is None else _component(value, path, kind, shaped)
    if isinstance(value, dict):
        return {key: _part(each, (*path, key), shaped) for key, each in value.items()}
    if isinstance(value, list):
        return [_part(each, (*path, str(index)), shaped) for index, each in enumerate(value)]
    return value


def _component(value: Any, path: KeyPath, kind: str, shaped: Shape) -> Any:
    """Return a component's node, or a placeholder if it is wrong, so it is reported once."""
    if mistake := _mistake(value, path, kind):
        shaped.problems.append(mistake)
        return PLACEHOLDER
    use = value.get("use", _default_id(path))
    parameters = {key: each for key, each in value.items() if key != "use"}
    if path == _AUTO and use == "auto":
        if parameters:
            shaped.refuse(path, "`auto` has no parameters: name the extractor")
        return use
    slot = {key: parameters.pop(key) for key in _SLOT_KEYS.get(kind, ()) if key in parameters}
    return {"use": use, "parameters": parameters} | slot


def _mistake(value: Any, path: KeyPath, kind: str) -> Note | None:
    if not isinstance(value, dict):
        what = f"expected the name of {_a(kind)} or a mapping with `use`, got {describe(value)}"
        return Note(path, what)
    use = value.get("use", _default_id(path))
    if use is None:
        return Note(path, f"does not say which {kind}: give `use`")
    if not isinstance(use, str) or not use:
        return Note((*path, "use"), f"expected the name of {_a(kind)}, got {describe(use)}")
    if path[0] in NAMED_BY_KEY and not _KEY.fullmatch(path[-1]):
        return Note(path, "a key here is one word of letters, digits, '-' and '_'")
    return None


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _default_id(path: KeyPath) -> str | None:
    return path[-1] if path[0] in NAMED_BY_KEY else DEFAULT_IDS.get(path)


def _optimizers(written: dict[str, Any], shaped: Shape) -> dict[str, Any]:
    """Merge the optimizer of each player over `both`, and `both` over the default.

    `both` is left out of the result. Values that are no mappings stay, for `Settings` to refuse.
    """
    both = _merged_over(DEFAULT_OPTIMIZER, written.get("both", {}))
    if not isinstance(both, dict) or not isinstance(both["use"], str):
        shaped.refuse(BOTH, "expected the name of an optimizer, or a mapping")
        both = DEFAULT_OPTIMIZER
    folded = {key: value for key, value in written.items() if key != "both"}
    for side in ("generator", "discriminator"):
        node = folded[side] = _merged_over(both, written.get(side, {}))
        if lost := _lost(written.get("both"), node):
            words = (
                f"is {describe(node['use'])}; settings of both that do not apply: {', '.join(lost)}"
            )
            shaped.notes.append(Note(("optimizers", side), words))
    return folded


def _merged_over(outer: dict[str, Any], inner: Any) -> Any:
    """Return `inner` merged over `outer`, or `inner` alone if it is another component."""
    if not isinstance(inner, dict):
        return inner
    use = inner.get("use", outer["use"])
    same = isinstance(use, str) and qualify(use) == qualify(outer["use"])
    return outer | inner if same else inner


def _lost(written: Any, node: Any) -> list[str]:
    if not (isinstance(written, dict) and isinstance(node, dict)):
        return []
    return [key for key in written if key != "use" and key not in node]


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


def partial_settings(shaped: dict[str, Any], wrong: Iterable[KeyPath]) -> Settings | None:
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


def _remove(data: Any, path: KeyPath) -> None:
    """Remove the value at a path; inside a list, the whole list, because positions would shift."""
    for index, key in enumerate(path):
        inside = data.get(key) if isinstance(data, dict) else None
        if index == len(path) - 1 or not isinstance(inside, dict):
            if isinstance(data, dict):
                data.pop(key, None)
            return
        data = inside
