"""What may change when a run is resumed: budget, cadence, paths, and code of the same revision."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ganzoo.components.fingerprint import Fingerprint, change, fingerprint
from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, PluginError, UsageError
from ganzoo.recipes.lock import code_differences, data_paths, locked_components
from ganzoo.recipes.overrides import override_layer
from ganzoo.recipes.schema import Mark, marked
from ganzoo.recipes.yaml import yaml_line
from ganzoo.registry.names import shorten, suggest
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command, reference_to
from ganzoo.training.run_files import lock_of, read_fingerprint

RESUMABLE = marked(Mark.BUDGET, Mark.CADENCE, Mark.READING)
"""Keys that an override of `ganzoo resume` may set."""

METRICS = "eval.metrics"
"""The key of the metrics, some of which `ganzoo resume` may drop."""


def only_budget_and_cadence(
    directory: RunDirectory, overrides: Sequence[str] | Mapping[str, Any]
) -> None:
    """Raise UsageError for an override of anything but `RESUMABLE` keys, metrics, paths of data."""
    lock = lock_of(directory)
    known = (*RESUMABLE, *data_paths(lock))
    for key in _keys(overrides):
        if key in (*known, METRICS):
            continue
        section, _, name = key.partition(".")
        keys = lock.get(section)
        is_key = isinstance(keys, Mapping) and name in keys  # and so not a misspelt one
        near = None if is_key else suggest(key, (*known, METRICS))
        guess = f" - did you mean {near!r}?" if near else ""
        raise UsageError(
            f"a resumed run keeps its recipe: {key} cannot change, only budget, cadence and "
            f"reading can ({', '.join(known)}), and {METRICS} can lose some{guess}",
            hint=command("resume", reference_to(directory.path), f"{near}=VALUE")
            if near
            else command("run", directory.lock_file, f"{key}=VALUE") + "   # a new run",
        )


def only_fewer_metrics(directory: RunDirectory, plan: Plan) -> None:
    """Raise UsageError if the plan has a metric that the run was not started with."""
    known = lock_of(directory)["eval"].get("metrics", [])
    for metric in plan.lock()["eval"]["metrics"]:
        if metric not in known:
            names = ", ".join(shorten(each["use"]) for each in known)
            raise UsageError(
                f"a resumed run takes no new metric: {shorten(metric['use'])} with these settings "
                f"is none of {names or 'its metrics: it has none'}",
                hint=command("score", reference_to(directory.path), f"{METRICS}=[NAME]")
                + "   # when it has finished",
            )


def _keys(overrides: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Return the keys that overrides set, as ``section.key``, from strings or nested mappings."""
    return [
        f"{section}.{key}" if isinstance(part, Mapping) else section
        for section, part in override_layer(overrides).data.items()
        for key in (part if isinstance(part, Mapping) else (section,))
    ]


# --- data ---


@contextmanager
def where_data_moved(
    verb: str, directory: RunDirectory, overrides: Sequence[str] | Mapping[str, Any]
) -> Iterator[None]:
    """Say how `verb` takes the new path if the data of a run cannot be read inside."""
    try:
        yield
    except DataError as error:
        paths = data_paths(lock_of(directory))
        if key := next((key for key, path in paths.items() if not os.path.exists(path)), None):
            words = [word for word in as_words(overrides) if not word.startswith(f"{key}=")]
            where = command(verb, reference_to(directory.path), *words, f"{key}=FOLDER")
            error.hint = f"{where}   # where it is now"
        raise


def as_words(overrides: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Return overrides as words of a command line."""
    if isinstance(overrides, Mapping):
        return [f"{key}={yaml_line(value)}" for key, value in overrides.items()]
    return [overrides] if isinstance(overrides, str) else list(overrides)


def fingerprint_of(plan: Plan) -> Fingerprint:
    """Return the fingerprint of a plan's training data."""
    return fingerprint(plan.dataset, whole=plan.data == "memory")


def require_same_data(
    directory: RunDirectory, data: Fingerprint, hint: str | None, *, allow_drift: bool = False
) -> None:
    """Raise DataError if a run was trained on other data, unless `allow_drift`.

    A run that is older than fingerprints is not checked.
    """
    known = read_fingerprint(directory)
    if known is not None and not known.same_content(data) and not allow_drift:
        raise DataError(
            f"{reference_to(directory.path)} was trained on other data: {change(known, data)}",
            hint=hint,
        )


# --- progress ---


def is_complete(directory: RunDirectory) -> bool:
    """Return whether a run is finished and its last checkpoint is still intact."""
    finished = [event for event in directory.events() if event.get("event") == "finished"]
    ends = [event.get("step") for event in finished]
    # A resume that failed before its first step has noted its longer budget already.
    in_full = bool(finished) and finished[-1].get("how") == "finished"
    if in_full and ends[-1] < directory.info().get("steps", 0):
        return False
    store = CheckpointStore(directory.checkpoints_directory)
    if directory.status() != "finished" or not store.ends_whole():
        return False
    return store.steps()[-1:] == ends[-1:]


def not_backwards(directory: RunDirectory, plan: Plan) -> None:
    """Raise UsageError if the run is already past the end of its new budget."""
    steps = CheckpointStore(directory.checkpoints_directory).steps()
    if steps and steps[-1] > plan.budget.steps:
        raise UsageError(
            f"the run is at step {steps[-1]} already, past {plan.budget.steps}",
            hint=command("resume", reference_to(directory.path), f"train.steps={steps[-1]}")
            + "   # ends it where it is",
        )


def other_world_size(manifest: Mapping[str, Any], world_size: int) -> str | None:
    """Return a note if another number of processes saved the checkpoint, or None."""
    before = manifest.get("world_size")
    if before in (None, world_size):
        return None
    return (
        f"saved by {before} process{'es' * (before > 1)}, resumed with {world_size}: "
        "the data keeps its order, but the run is not bit-exact"
    )


# --- code ---


def refuse_drift(lock: Mapping[str, Any], plan: Plan, disregard: str) -> None:
    """Raise PluginError if a revision is not the lock's: the code computes other numbers.

    Args:
        disregard: the command that continues nevertheless.
    """
    before, now = lock["lock"], plan.lock()["lock"]
    changed = []
    if before.get("engine") != now["engine"]:
        was = before.get("engine") or "unknown"
        changed.append(f"the engine: revision {was} is now {now['engine']}")
    for slot, old in locked_components(lock).items():
        new = now["components"].get(slot, {})
        if old.get("id") == new.get("id"):
            changed += [
                f"{slot} ({new['id']}): {what} {old.get(name)!s:.12} is now {new[name]!s:.12}"
                for name, what in (("revision", "revision"), ("code_sha256", "code"))
                if name in new and old.get(name) != new[name]
            ]
    if changed:
        raise PluginError(
            f"the lock was written by code that computes other numbers: {'; '.join(changed)}",
            hint=disregard,
        )


def checked_code(
    lock: Mapping[str, Any], plan: Plan, again: str, *, allow_drift: bool, strict: bool
) -> Plan:
    """Return the plan, with a note if its code differs from the lock's.

    Args:
        again: the command, without ``--allow-drift`` and ``--strict-code``.
        allow_drift: accept other revisions.
        strict: refuse other code also at the same revisions.

    Raises:
        PluginError: the code is refused.
    """
    if strict or not allow_drift:
        refuse_drift(lock, plan, f"{again} --allow-drift")
    found = code_differences([lock, plan.lock()], " -> ")
    if not found:
        return plan
    changed = "code changed since the lock was written, at the same revisions"
    note = f"{changed}: {'; '.join(found)}"
    if strict:
        raise PluginError(f"--strict-code: {note}", hint=again)
    return replace(plan, notes=(*plan.notes, note))
