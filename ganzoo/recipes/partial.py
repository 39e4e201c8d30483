"""What is left of a recipe without its mistakes, so that later passes can look for more of them."""

import json
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from ganzoo.recipes.component_paths import KeyPath
from ganzoo.recipes.schema import BUDGETS, Settings

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


def without(shaped: dict[str, Any], wrong: Iterable[KeyPath]) -> Settings | None:
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
