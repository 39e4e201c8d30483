"""``train.on_nonfinite``: what becomes of a run that met something not finite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ganzoo.components.plan import Plan
from ganzoo.errors import Diverged
from ganzoo.runs import records
from ganzoo.training.advice import more_slowly
from ganzoo.training.checkpointing import Keeper
from ganzoo.training.nonfinite import Accident, NotFinite
from ganzoo.training.step import GanStep

MAX_ROLLBACKS = 3
"""A run goes back so often, and stops at the next accident."""


@dataclass
class Mender:
    """Writes down every accident, and applies the recipe's policy to those that need one."""

    plan: Plan
    keeper: Keeper

    @property
    def policy(self) -> str:
        return self.plan.recipe.settings.train.on_nonfinite

    @property
    def file(self) -> Path:
        return self.keeper.directory.nonfinite_file

    def tell_skipped(self, step: GanStep) -> None:
        """Write down the updates that were skipped since the last call: the first of each row."""
        while step.accidents:
            accident = step.accidents.pop(0)
            self._write_down(accident, "skipped")
            self._note(f"{accident.what}: the update is skipped; see {self.file}")

    def mend(self, step: GanStep, found: NotFinite) -> None:
        """Go back to the newest whole checkpoint, if the recipe says so and it may still help.

        Raises:
            Diverged: this is the end of the run.
        """
        accident = found.accident
        if self.policy != "rollback" or step.rollbacks >= MAX_ROLLBACKS:
            self._write_down(accident, "stopped")
            raise self._diverged(accident, step) from None
        checkpoint = self.keeper.go_back(step)
        if checkpoint is None:
            self._write_down(accident, "stopped")
            raise self._diverged(accident, step) from None
        self._write_down(accident, "rolled back")
        if self.keeper.processes.is_main:
            self.keeper.directory.append_event(
                "rolled back",
                step=accident.step,
                to=checkpoint.step,
                rollbacks=step.rollbacks,
                what=accident.what,
            )
        self._note(
            f"{accident.what}: back to step {checkpoint.step}, with other noise from there "
            f"(rollback {step.rollbacks} of {MAX_ROLLBACKS}); see {self.file}"
        )

    def _write_down(self, accident: Accident, outcome: str) -> None:
        """Add to the file; every rank comes here, and one writes."""
        directory = self.keeper.directory
        if self.keeper.processes.is_main:
            stamp = {"time": records.utc_now(), "attempt": directory.attempt, "outcome": outcome}
            records.append(self.file, stamp | accident.record(), durable=True)

    def _note(self, text: str) -> None:
        self.keeper.reporters.tell("noted", text)

    def _diverged(self, accident: Accident, step: GanStep) -> Diverged:
        tried = ""
        if accident.skipped > 1:
            tried = f", after {accident.skipped - 1} skipped updates in a row"
        elif self.policy == "skip" and accident.weights:
            tried = ", which skipping an update does not mend"
        elif step.rollbacks:
            tried = f", after {step.rollbacks} rollbacks"
        return Diverged(
            f"{accident.what}{tried}; all that is known of it is in {self.file}",
            hint=more_slowly(self.plan, self.keeper.directory, ("discriminator", "generator")),
        )
