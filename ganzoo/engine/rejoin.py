"""``--resume auto``: the run that is already there for a plan, if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.build.plan import Plan
from ganzoo.engine.launch import BUDGET_AND_CADENCE
from ganzoo.errors import DataError, RecipeError, UsageError
from ganzoo.recipes.lock import read_lock
from ganzoo.runs.directory import RunDirectory


def same_run(plan: Plan, runs_directory: Path, name: str | None = None) -> RunDirectory | None:
    """Return the run of this name whose lock is equal apart from budget and cadence.

    Raises:
        UsageError: there are two of them; both are named.
    """
    wanted = _essence(plan.lock())
    label = name or plan.recipe.name
    found = [
        run
        for run in RunDirectory.all(runs_directory)
        if run.info().get("name") == label and _essence_of(run) == wanted
    ]
    if len(found) > 1:
        names = ", ".join(run.name for run in found)
        raise UsageError(
            f"two runs are the same experiment: {names}", hint=f"ganzoo resume {found[-1].name}"
        )
    return found[0] if found else None


def _essence_of(run: RunDirectory) -> dict[str, Any] | None:
    try:
        return _essence(read_lock(run.lock_file))
    except (DataError, RecipeError, OSError):
        return None


def _essence(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lock without budget and cadence, and without the words about the recipe."""
    words = ("description", "paper", "published", "reproduced", "requires")
    essence = {key: value for key, value in lock.items() if key not in words}
    for path in BUDGET_AND_CADENCE:
        section, _, key = path.partition(".")
        essence[section] = {k: v for k, v in essence[section].items() if k != key}
    return essence
