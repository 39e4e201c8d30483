"""Saves a run as it goes on, each step once, and brings it back to what was saved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ganzoo.errors import DiskFull
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import NoRoom
from ganzoo.runs.references import command, reference_to
from ganzoo.training.processes import Processes
from ganzoo.training.reporter import Reporters
from ganzoo.training.state import read_state, write_state
from ganzoo.training.step import GanStep

MAX_FULL_DISKS = 3
"""So many saves in a row may find the disk full before the run gives up."""


@dataclass
class Keeper:
    """The checkpoints of a run that is being trained. Every rank has one; rank 0 writes.

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
        """Publish a checkpoint, then prune; return whether it is there.

        A second call at the same step does nothing. A full disk is survived twice in a row, but not
        where the checkpoint is `needed`: by what comes at the end, or by whoever goes on.

        Args:
            protected: steps whose checkpoints stay.

        Raises:
            DiskFull: as said.
            CheckpointError: a weight is not finite.
        """
        if step.step == self.saved_step:
            return True
        if step.step != self._refused_step:
            refusal = self._publish(step, protected) if self.processes.is_main else None
            self._refusal = self.processes.share(refusal)
            if self._refusal is None:
                self.saved_step, self.full_disks = step.step, 0
                return True
            self._refused_step, self.full_disks = step.step, self.full_disks + 1
        if needed or self.full_disks >= MAX_FULL_DISKS:
            raise self._no_room()
        self.reporters.tell("noted", f"{self._refusal}; going on without this checkpoint")
        return False

    def _publish(self, step: GanStep, protected: Collection[int]) -> str | None:
        """Return why there is no room, or None for a published checkpoint."""
        try:
            checkpoint = self.store.publish(
                step.step,
                lambda path: write_state(step, path),
                samples_seen=step.samples_seen,
                world_size=self.processes.world_size,
            )
        except NoRoom as error:
            return str(error.strerror)
        self.directory.append_event("saved", step=step.step)
        self.reporters.tell("saved", step.step, checkpoint.path)
        try:
            self.store.prune(protected)
        except OSError as error:  # what is new is safe, and the next save tries again
            reason = error.strerror or error
            self.reporters.tell("noted", f"an old checkpoint could not be removed: {reason}")
        return None

    def _no_room(self) -> DiskFull:
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
        """Put a run back to its newest whole checkpoint, with other noise and order from there on.

        Returns:
            The checkpoint; None if there is none, and nothing was changed.
        """
        checkpoint = self.store.newest() if self.processes.is_main else None
        for message in self.store.set_aside:
            self.reporters.tell("noted", message)
        self.store.set_aside.clear()
        found = self.processes.share(checkpoint.step if checkpoint else None)
        if found is None:
            return None
        checkpoint = checkpoint or self.store.at(found)
        rollbacks = step.rollbacks + 1
        read_state(step, checkpoint.path)
        step.rollbacks = rollbacks
        step.feed.go_to(step.feed.position, rollbacks)
        self.saved_step, self._refused_step = found, None
        return checkpoint
