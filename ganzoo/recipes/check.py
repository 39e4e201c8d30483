"""Pass 2: merged data against the skeleton, with every problem at the line that it stands in."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.component_paths import BOTH, SIDES, KeyPath, kind_of
from ganzoo.recipes.findings import Findings
from ganzoo.recipes.merge import Note, told, without_nulls
from ganzoo.recipes.messages import told_apart
from ganzoo.recipes.partial import without
from ganzoo.recipes.scalars import shortened
from ganzoo.recipes.schema import BUDGETS, Settings
from ganzoo.recipes.shape import shape
from ganzoo.recipes.source import Layer, Origin, nearest
from ganzoo.registry.names import PLURALS, suggest

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
        problems += map(Note._make, told_apart(error.errors(), named))
    notes = (told(each, merged.origins) for each in shaped.notes)
    layer = Layer(data, _both_as_sides(merged.origins), (*merged.notes, *notes))
    findings = Findings()
    for path, what in problems:
        findings.add(placed(merged.origins, path, what), _hint(path, what))
    try:
        findings.raise_any()
    except RecipeError as error:
        rest = without(named, [path for path, _ in problems])
        error.rest = (layer, rest) if rest else None
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
    return Problem(origin.file, origin.line, origin.column, shortened(".".join(path), 200), what)


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
