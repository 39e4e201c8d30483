"""``--resume auto``: the run that is already there for a plan, if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, RecipeError, UsageError
from ganzoo.recipes.lock import experiment, read_lock
from ganzoo.recipes.schema import Mark, marked
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command, reference_to
from ganzoo.training.continuity import is_complete
from ganzoo.training.launch import Options, resume, train_run
from ganzoo.training.processes import find_processes


def start_or_go_on(plan: Plan, options: Options) -> RunDirectory:
    """Train the run of this plan to its end: go on with it where it is there, else start it.

    A run that is there and finished is left alone. Rank 0 alone looks: what it makes for the next
    of several runs must not be found by a rank that comes late.

    Raises:
        UsageError: there are two such runs.
        GanzooError: what ends a run; see `ganzoo.errors`.
    """
    processes = find_processes(options.expect_processes, plan.recipe.settings.train)
    known = same_run(plan, options.runs_directory, options.name) if processes.is_main else None
    done = known is not None and is_finished(known, plan)
    path, done = processes.share((known.path if known else None, done))
    if path is None:
        return train_run(plan, options)
    directory = RunDirectory(path)
    if done:
        options.reporter.noted(f"{directory.path} is finished already")
    else:
        resume(directory, [f"train.steps={plan.budget.steps}"], replace(options, name=None))
    return directory


def is_finished(run: RunDirectory, plan: Plan) -> bool:
    """Return whether a run has come to the end of the plan's budget, or further, and is whole."""
    far_enough = int(run.info().get("steps", 0)) >= plan.budget.steps
    return far_enough and is_complete(run)


def same_run(plan: Plan, runs_directory: Path, name: str | None = None) -> RunDirectory | None:
    """Return the run of this name, seed and experiment, whatever its budget.

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
        raise _ambiguous(found)
    return found[0] if found else None


def _ambiguous(found: Sequence[RunDirectory]) -> UsageError:
    """Say which runs are the same; offer to go on with one, or to look at those that are done."""
    references = [reference_to(run.path) for run in found]
    unfinished = [run for run in found if run.status() != "finished"]
    return UsageError(
        f"{len(found)} runs are the same experiment: {', '.join(references)}",
        hint=command("resume", reference_to(unfinished[-1].path))
        if unfinished
        else command("compare", *references),
    )


def _essence_of(run: RunDirectory) -> dict[str, Any] | None:
    try:
        return _essence(read_lock(run.lock_file))
    except (DataError, RecipeError, OSError):
        return None


def _essence(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes the run of a lock, apart from its budget."""
    return {"seed": lock.get("seed"), **experiment(lock, without=marked(Mark.BUDGET))}
