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
from ganzoo.recipes.merge import Layer, Note, Origin, nearest, told, without_nulls
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

HINT = "ganzoo show digits-dcgan-hinge, a recipe with every key written out"


def check(merged: Layer, default_name: str) -> tuple[Layer, Settings]:
    """Return the merged layer less its removed slots, and its settings.

    Raises:
        RecipeError: every problem of the skeleton, sorted by line; `rest` is a layer and settings,
            or None.
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
    notes = (told(each, merged.origins) for each in shaped.notes)
    layer = Layer(data, _both_as_sides(merged.origins), (*merged.notes, *notes))
    findings = Findings()
    for path, what in problems:
        findings.add(placed(merged.origins, path, what), _hint(path, what))
    try:
        findings.raise_any()
    except RecipeError as error:
        partial = without_paths(named, [path for path, _ in problems])
        error.partial = (layer, partial) if partial else None
        raise
    return layer, settings


def _hint(path: KeyPath, what: str) -> str | None:
    """Return the command that shows what could stand here, where the words do not say it."""
    if " - " in what or not what.startswith(("unknown", "expected", "is required", "does not")):
        return None
    kind = kind_of(path)
    return f"ganzoo list {PLURALS[kind]}" if kind else HINT


def placed(origins: dict[KeyPath, Origin], path: KeyPath, what: str) -> Problem:
    """Return a problem at the place where `path`, or what is nearest around it, was written."""
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
        what = "'uniform' says which labels G is asked for, and it is asked for none: "
        yield Note(("labels",), what + "set `conditional: true`, or leave `labels` out")


def _schedules(data: dict[str, Any]) -> Iterator[Note]:
    schedules = data.get("schedules")
    for key in schedules if isinstance(schedules, dict) else ():
        section, *rest = key.split(".")
        if section not in Settings.model_fields or not rest or not all(rest):
            near = suggest(section, Settings.model_fields) if rest else None
            guess = f" - did you mean {'.'.join([near, *rest])!r}?" if near else ""
            yield Note(("schedules", key), f"is no parameter, such as optimizers.both.lr{guess}")


def _both_as_sides(origins: dict[KeyPath, Origin]) -> dict[KeyPath, Origin]:
    """Return the origins with those of `optimizers.both` for either side that says nothing."""
    shared = {path[2:]: origin for path, origin in origins.items() if path[:2] == BOTH}
    sides = {(*side, *rest): origin for rest, origin in shared.items() for side in SIDES}
    return sides | origins


# --- shape ---------------------------------------------------------------------------------------


_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)?")
_SLOT_KEYS = {"regularizer": ("weight", "every_steps"), "optimizer": ("groups",)}
_AUTO = ("eval", "extractor")


@dataclass
class Shape:
    """The input of `Settings`, with what was wrong and what was dropped on the way."""

    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def refuse(self, path: KeyPath, words: str) -> None:
        """Note a problem."""
        self.problems.append(Note(path, words))


def shape(data: dict[str, Any]) -> Shape:
    """Shape merged data, less the slots that null removed."""
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
        return [_part(each, (*path, str(place)), shaped) for place, each in enumerate(value)]
    return value


def _component(value: Any, path: KeyPath, kind: str, shaped: Shape) -> Any:
    """Return a component's node; a placeholder where it is wrong, so that one mistake is one."""
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
        what = f"expected the name of a {kind} or a mapping with `use`, got {describe(value)}"
        return Note(path, what)
    use = value.get("use", _default_id(path))
    if use is None:
        return Note(path, f"does not say which {kind}: give `use`")
    if not isinstance(use, str) or not use:
        return Note((*path, "use"), f"expected the name of a {kind}, got {describe(use)}")
    if path[0] in NAMED_BY_KEY and not _KEY.fullmatch(path[-1]):
        return Note(path, "a key here is one word of letters, digits, '-' and '_'")
    return None


def _default_id(path: KeyPath) -> str | None:
    return path[-1] if path[0] in NAMED_BY_KEY else DEFAULT_IDS.get(path)


def _optimizers(written: dict[str, Any], shaped: Shape) -> dict[str, Any]:
    """Fold the optimizer of each side over `both`, and that over the default.

    `both` is left out; what is no mapping is left as it is, to be refused.
    """
    both = _over(DEFAULT_OPTIMIZER, written.get("both", {}))
    if not isinstance(both, dict) or not isinstance(both["use"], str):
        shaped.refuse(BOTH, "expected the name of an optimizer, or a mapping")
        both = DEFAULT_OPTIMIZER
    folded = {key: value for key, value in written.items() if key != "both"}
    for side in ("generator", "discriminator"):
        node = folded[side] = _over(both, written.get(side, {}))
        if lost := _lost(written.get("both"), node):
            words = f"is {describe(node['use'])}; what both sets does not apply: {', '.join(lost)}"
            shaped.notes.append(Note(("optimizers", side), words))
    return folded


def _over(outer: dict[str, Any], inner: Any) -> Any:
    """Return what `inner` says over `outer`, or `inner` alone where it is another component."""
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
"""Stands for a component that is wrong or missing; nobody looks it up."""

_NEEDED: dict[str, Any] = {
    "recipe": 1,
    "name": "recipe",
    "dataset": PLACEHOLDER,
    "generator": PLACEHOLDER,
    "discriminator": PLACEHOLDER,
    "loss": PLACEHOLDER,
}


def without_paths(shaped: dict[str, Any], wrong: Iterable[KeyPath]) -> Settings | None:
    """Return the settings of shaped data less its wrong paths; None where too little is right."""
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
    """Remove what stands at a path; of a list, all of it, since its other places would move."""
    for place, key in enumerate(path):
        inside = data.get(key) if isinstance(data, dict) else None
        if place == len(path) - 1 or not isinstance(inside, dict):
            if isinstance(data, dict):
                data.pop(key, None)
            return
        data = inside
