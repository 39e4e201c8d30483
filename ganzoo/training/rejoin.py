"""``--resume auto``: find the run of a plan's experiment, and resume it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo.components.data import check_readable
from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, RecipeError, UsageError
from ganzoo.recipes.lock import experiment, read_lock
from ganzoo.recipes.schema import Mark, marked
from ganzoo.recipes.yaml import yaml_line
from ganzoo.runs.directory import RunDirectory, locked
from ganzoo.runs.references import command, reference_to
from ganzoo.training.continuity import is_complete
from ganzoo.training.launch import Options, resume, train_run
from ganzoo.training.processes import find_processes
from ganzoo.training.run_files import create_run


def start_or_resume(plan: Plan, options: Options) -> RunDirectory:
    """Train the run of this plan to its end: resume it if it exists, else start it.

    A finished run stays as it is. Only rank 0 looks for the run: a slow rank must not find the
    directory that rank 0 creates for the next of several runs. Of two commands at once, one
    creates the run, and the other finds it in use.

    Raises:
        UsageError: two such runs exist.
        RunLocked: another process is training it.
        GanzooError: the training failed or was stopped; see `ganzoo.errors`.
    """
    processes = find_processes(options.expect_processes, plan.recipe.settings.train)
    known, created = _found_or_created(plan, options) if processes.is_main else (None, None)
    done = (
        known is not None
        and known.info().get("steps", 0) >= plan.budget.steps
        and is_complete(known)
    )
    for line in _kept(known, plan) if known else ():
        options.reporter.noted(line)
    path, done, new = processes.share((known and known.path, done, created and created.path))
    if path is None:
        return train_run(plan, options, created=RunDirectory(new))
    directory = RunDirectory(path)
    if done:
        options.reporter.noted(f"{directory.path} is finished already")
    else:
        resume(directory, [f"train.steps={plan.budget.steps}"], replace(options, name=None))
    return directory


def finished_or_trained(plan: Plan, options: Options) -> RunDirectory:
    """Return the run of this plan, trained to its end unless it is finished.

    Unlike `start_or_resume` it takes a finished run whose checkpoints are gone: its records remain.

    Raises:
        As `start_or_resume`.
    """
    processes = find_processes(options.expect_processes, plan.recipe.settings.train)
    known = same_run(plan, options.runs_directory, options.name) if processes.is_main else None
    if known:
        ends = [each.get("step") for each in known.events() if each.get("event") == "finished"]
        if known.status() != "finished" or ends[-1:] != [plan.budget.steps]:
            known = None
    path = processes.share(known and known.path)
    return start_or_resume(plan, options) if path is None else RunDirectory(path)


def _found_or_created(
    plan: Plan, options: Options
) -> tuple[RunDirectory | None, RunDirectory | None]:
    """Return the run of this plan, or, second, a new directory for it."""
    if known := same_run(plan, options.runs_directory, options.name):
        return known, None
    check_readable(plan.dataset)  # long, and only for a new run: the lock comes after it
    with locked(options.runs_directory):
        if known := same_run(plan, options.runs_directory, options.name):
            return known, None
        return None, create_run(plan, options.runs_directory, options.name)


def _kept(run: RunDirectory, plan: Plan) -> Iterator[str]:
    """Yield a line for each way of computing that the run keeps although the plan has another."""
    before, now = read_lock(run.lock_file)["train"], plan.lock()["train"]
    for key in marked(Mark.EXECUTION):
        section, _, name = key.rpartition(".")
        if section == "train" and name in before and before[name] != now[name]:
            kept, asked = yaml_line(before[name]), yaml_line(now[name])
            yield f"{reference_to(run.path)} keeps {key}={kept}, not {asked}"


def same_run(plan: Plan, runs_directory: Path, name: str | None = None) -> RunDirectory | None:
    """Return the run of this name, seed and experiment, with any budget; None without one.

    Raises:
        UsageError: two such runs exist; the message names both.
        DiskError: a run cannot be read, so it might be this one.
    """
    wanted = _identity(plan.lock())
    label = name or plan.recipe.name
    found = [
        run
        for run in RunDirectory.all(runs_directory, strict=True)
        if run.info().get("name") == label and _identity_of(run) == wanted
    ]
    if len(found) > 1:
        references = [reference_to(run.path) for run in found]
        unfinished = [reference_to(run.path) for run in found if run.status() != "finished"]
        raise UsageError(
            f"{len(found)} runs are the same experiment: {', '.join(references)}",
            hint=command("resume", unfinished[-1])
            if unfinished
            else command("compare", *references),
        )
    return found[0] if found else None


def _identity_of(run: RunDirectory) -> dict[str, Any] | None:
    try:
        return _identity(read_lock(run.lock_file))
    except (DataError, RecipeError, OSError):
        return None


def _identity(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the run of a lock, apart from its budget."""
    return {"seed": lock.get("seed"), **experiment(lock, without=marked(Mark.BUDGET))}
