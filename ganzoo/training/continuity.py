"""What a run and its continuation may differ in: budget and cadence, and no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganzoo.components.plan import Plan
from ganzoo.errors import PluginError, UsageError
from ganzoo.recipes.overrides import override_layer
from ganzoo.registry.names import suggest
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command, reference_to

BUDGET_AND_CADENCE = (
    "train.steps",
    "train.samples",
    "train.save_every_steps",
    "train.keep",
    "train.log_every_steps",
    "train.sample_every_steps",
    "eval.every_steps",
)
"""What may differ between a run and its continuation."""


def only_budget_and_cadence(
    directory: RunDirectory, overrides: Sequence[str] | Mapping[str, Any]
) -> None:
    """Raise UsageError if an override would make another experiment of the run."""
    for key in _keys(overrides):
        if key in BUDGET_AND_CADENCE:
            continue
        near = suggest(key, BUDGET_AND_CADENCE)
        guess = f" - did you mean {near!r}?" if near else ""
        raise UsageError(
            f"a resumed run keeps its recipe: {key} cannot change, only budget and cadence can "
            f"({', '.join(BUDGET_AND_CADENCE)}){guess}",
            hint=command("resume", reference_to(directory.path), f"{near}=VALUE")
            if near
            else command("run", directory.lock_file, f"{key}=VALUE") + "   # a new run",
        )


def _keys(overrides: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Return what overrides set, as ``section.key``, however deep a mapping they came in."""
    return [
        f"{section}.{key}" if isinstance(part, Mapping) else section
        for section, part in override_layer(overrides).data.items()
        for key in (part if isinstance(part, Mapping) else (section,))
    ]


def is_complete(directory: RunDirectory) -> bool:
    """Whether a run is finished and still has, whole, the checkpoint that it ended with."""
    ends = [event.get("step") for event in directory.events() if event.get("event") == "finished"]
    store = CheckpointStore(directory.checkpoints_directory)
    if directory.status() != "finished" or not store.ends_whole():
        return False
    return store.steps()[-1:] == ends[-1:]


def not_backwards(directory: RunDirectory, plan: Plan) -> None:
    """Raise UsageError if the run is past the end of its new budget already."""
    steps = CheckpointStore(directory.checkpoints_directory).steps()
    if steps and steps[-1] > plan.budget.steps:
        raise UsageError(
            f"the run is at step {steps[-1]} already, past {plan.budget.steps}",
            hint=command("resume", reference_to(directory.path), f"train.steps={steps[-1]}")
            + "   # ends it where it is",
        )


def other_world_size(manifest: Mapping[str, Any], world_size: int) -> str | None:
    """Return what to say where a checkpoint was saved by another number of processes."""
    before = manifest.get("world_size")
    if before in (None, world_size):
        return None
    return (
        f"saved by {before} process{'es' * (before > 1)}, going on with {world_size}: "
        "the data comes in the same order, but the run does not go on bit for bit"
    )


def refuse_drift(lock: Mapping[str, Any], plan: Plan, disregard: str) -> None:
    """Raise PluginError if a component is no longer what the lock says, naming each.

    Args:
        disregard: the command that goes on all the same.
    """
    before = lock["lock"].get("components", {})
    now = plan.lock()["lock"]["components"]
    changed = [
        f"{slot} ({now[slot]['id']}): {name} {old.get(name)} is now {now[slot].get(name)}"
        for slot, old in before.items()
        if slot in now
        for name in ("revision", "version", "source_sha256")
        if old.get(name) != now[slot].get(name)
    ]
    if changed:
        raise PluginError(
            f"not the code that the lock was made with: {'; '.join(changed)}", hint=disregard
        )
