"""Checkpoints of a run: what they hold, when they are saved, and which one is the best.

Networks are safetensors. Everything else is ``state.pt``: plain tensors and numbers, read with
``torch.load(weights_only=True)`` and no fallback, so that it can hold no code.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganzoo.components.weights import read_network, write_network
from ganzoo.errors import CheckpointError, DiskFull, advising
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore, hint_if_unreadable
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import NoRoom
from ganzoo.runs.manifest import DamagedCheckpoint
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.score import Score
from ganzoo.training.callbacks import Reporters
from ganzoo.training.player import Player
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep
from ganzoo.untrusted import open_zip, reason, require_readable

STATE_FILE = "state.pt"

MAX_FULL_DISKS = 3
"""Give up after this many consecutive saves that found the disk full."""


# --- contents ---


def write_state(step: GanStep, directory: Path) -> None:
    """Write everything that `read_state` needs to continue bit for bit.

    Raises:
        CheckpointError: a weight is not finite.
    """
    for name, network in step.modules().items():
        write_network(network, directory / f"{name}.safetensors")
    with (directory / STATE_FILE).open("wb") as file:  # of Python: its errors say what failed
        torch.save(_state(step), file)


def read_state(step: GanStep, directory: Path) -> None:
    """Restore what `write_state` wrote.

    Raises:
        CheckpointError: a file that does not fit the recipe's networks, or cannot be read.
    """
    with advising(hint_if_unreadable(directory)):
        for name, network in step.modules().items():
            read_network(network, directory / f"{name}.safetensors")
        state = load_state(directory / STATE_FILE)
    try:
        _restore(step, state)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CheckpointError(
            f"{directory / STATE_FILE} is not the state of this run: {what}"
        ) from error


def load_state(path: Path) -> Any:
    """Return the content of a state file, which holds no code.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        with open_zip(path) as archive:
            for member in archive.infolist():
                require_readable(f"{path}: {member.filename}", member)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises many kinds for a file that is damaged or that hides code.
        raise CheckpointError(f"{path} cannot be read: {reason(error)}") from error


def _restore(step: GanStep, state: dict[str, Any]) -> None:
    step.iteration = state["step"]
    step.samples_seen = state["samples_seen"]
    step.rollbacks = state.get("rollbacks", 0)  # earlier checkpoints have none
    step.feed.go_to(state["position"], step.rollbacks)
    for name, player in step.players.items():
        saved = state["players"][name]
        player.optimizer.load_state_dict(saved["optimizer"])
        player.updates, player.skipped = saved["updates"], saved["skipped"]
        if player.scale and "scale" in saved:
            player.scale.load_state_dict(saved["scale"])
    for name, component in step.parts.stateful().items():
        component.load_state_dict(state["components"][name])
    step.reset()


def _state(step: GanStep) -> dict[str, Any]:
    return {
        "step": step.iteration,
        "samples_seen": step.samples_seen,
        "rollbacks": step.rollbacks,
        "position": step.feed.position,
        "players": {name: _player_state(player) for name, player in step.players.items()},
        "components": {
            name: component.state_dict() for name, component in step.parts.stateful().items()
        },
    }


def _player_state(player: Player) -> dict[str, Any]:
    state = {
        "optimizer": player.optimizer.state_dict(),
        "updates": player.updates,
        "skipped": player.skipped,
    }
    return state | ({"scale": player.scale.state_dict()} if player.scale else {})


# --- saving and going back ---


@dataclass
class CheckpointManager:
    """Saves a run in training, each step once, and restores it. Every rank has one; rank 0 writes.

    Args:
        saved_step: the last step that was saved, or gone back to.
    """

    store: CheckpointStore
    directory: RunDirectory
    processes: Processes
    reporters: Reporters
    saved_step: int | None = None
    full_disks: int = 0
    _refused_step: int | None = None
    _refusal: str | None = None

    def save(self, step: GanStep, protected: Collection[int] = (), *, needed: bool = False) -> bool:
        """Publish a checkpoint, then prune; return whether it exists.

        A second call at the same step does nothing. A full disk is tolerated twice in a row, but
        not where the checkpoint is `needed`: at the end of a run, or before it stops.

        Args:
            protected: steps whose checkpoints are kept.

        Raises:
            DiskFull: the disk is full, and that is not tolerated.
            CheckpointError: a weight is not finite.
        """
        if step.iteration == self.saved_step:
            return True
        if step.iteration != self._refused_step:
            refusal = self._publish(step, protected) if self.processes.is_main else None
            self._refusal = self.processes.share(refusal)
            if self._refusal is None:
                self.saved_step, self.full_disks = step.iteration, 0
                return True
            self._refused_step, self.full_disks = step.iteration, self.full_disks + 1
        if needed or self.full_disks >= MAX_FULL_DISKS:
            raise self._disk_full()
        self.reporters.notify("noted", f"{self._refusal}; going on without this checkpoint")
        return False

    def _publish(self, step: GanStep, protected: Collection[int]) -> str | None:
        """Return why the disk has no room, or None for a published checkpoint."""
        self.directory.follow()
        self.store.directory = self.directory.checkpoints_directory
        try:
            checkpoint = self.store.publish(
                step.iteration,
                lambda path: write_state(step, path),
                samples_seen=step.samples_seen,
                world_size=self.processes.world_size,
            )
        except NoRoom as error:
            return str(error.strerror)
        self.directory.append_event("saved", step=step.iteration)
        self.reporters.notify("saved", step.iteration, checkpoint.path)
        try:
            self.store.prune(protected)
        except OSError as error:  # the new one is safe, and the next save tries again
            reason = error.strerror or error
            self.reporters.notify("noted", f"an old checkpoint could not be removed: {reason}")
        return None

    def _disk_full(self) -> DiskFull:
        times = f", {self.full_disks} times in a row" if self.full_disks > 1 else ""
        steps = self.store.steps()
        newest = (
            f"the newest checkpoint is of step {steps[-1]}" if steps else "there is none before"
        )
        resume = command("resume", reference_to(self.directory.path))
        return DiskFull(
            f"{self._refusal}{times}; {newest}", hint=f"{resume}   # once there is room"
        )

    def go_back(self, step: GanStep) -> Checkpoint | None:
        """Restore the newest whole checkpoint, with other noise and another order from there on.

        Returns:
            The checkpoint; None if there is none, and nothing was changed.
        """
        checkpoint = newest_on_all_ranks(self.store, self.processes, self.reporters)
        if checkpoint is None:
            return None
        rollbacks = step.rollbacks + 1
        read_state(step, checkpoint.path)
        step.rollbacks = rollbacks
        step.feed.go_to(step.feed.position, rollbacks)
        self.saved_step, self._refused_step = checkpoint.step, None
        return checkpoint


def newest_on_all_ranks(
    store: CheckpointStore, processes: Processes, reporters: Reporters
) -> Checkpoint | None:
    """Return the newest whole checkpoint, as rank 0 finds it; report damaged ones."""
    checkpoint = store.newest() if processes.is_main else None
    for message in store.set_aside:
        reporters.notify("noted", message)
    store.set_aside.clear()
    step = processes.share(checkpoint.step if checkpoint else None)
    return checkpoint or (None if step is None else store.at(step))


def newest_whole(store: CheckpointStore) -> Checkpoint:
    """Return the newest checkpoint without changing anything: another process may own the run.

    Raises:
        CheckpointError: there is none, or it is damaged; an older one is never taken silently.
    """
    steps = store.steps()
    try:
        return store.at(steps[-1] if steps else 0)
    except DamagedCheckpoint as error:
        older = f"--checkpoint {steps[-2]}, or: " if len(steps) > 1 else ""
        resume = command("resume", reference_to(store.directory.parent))
        raise CheckpointError(error.message, hint=f"{older}{resume}") from error


# --- the best ---


def measure(score: Score, stop: Any) -> float:
    """Return the number by which the best checkpoint is chosen; lower is better.

    It is the Fréchet distance unless ``train.stop.metric`` names another, and infinite where a
    metric could not be computed.
    """
    if stop is None or stop.metric == "frechet":
        return score.value
    return score.metrics.get(stop.metric, math.inf)


def usable(stop: Any, score: Score) -> Any:
    """Return the early stopping of a recipe; None if the metrics of a score give no such number.

    That is so once a resumed run has dropped the metric. One that could not be computed, which a
    note says, counts as infinite.
    """
    if stop is None or stop.metric == "frechet" or stop.metric in score.metrics or score.notes:
        return stop
    return None


def previous_best(scores: list[Score], step: int, stop: Any) -> tuple[Score | None, int]:
    """Return the best score during training up to `step`, and the evaluations since it.

    Scores under another protocol than the last one do not count: the data may have changed.
    """
    latest = {s.step: s for s in scores if s.selected == "during" and s.step <= step}
    ordered = [latest[key] for key in sorted(latest)]
    ordered = [score for score in ordered if score.protocol == ordered[-1].protocol]
    if not ordered:
        return None, 0
    stop = usable(stop, ordered[-1])
    best = min(range(len(ordered)), key=lambda index: measure(ordered[index], stop))
    return ordered[best], len(ordered) - 1 - best
