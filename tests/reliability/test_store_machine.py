"""Any sequence of saves, crashes, damage, deletions and second owners, and what must still hold."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ganzoo.errors import RunLocked
from ganzoo.runs import faults, owner
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.files import remove_leftovers
from ganzoo.runs.manifest import DamagedCheckpoint

from .fault_matrix import points
from .store_lifecycle import content, flip, writer

KEEP = 2
SAVING = [point for point in points() if point.split(".")[0] in ("publish", "prune")]


class PowerGone(BaseException):
    """Raised where the process would have been killed; what it does afterwards is undone."""


class LifeOfAStore(RuleBasedStateMachine):
    """A store beside what a careful reader of the log would expect of it.

    A crash is a copy of the directory as it was at the fault point, which replaces it once the
    exception has run through: the cleaning up of a killed process never happens.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(
            os, "fsync", lambda descriptor: None
        )  # a kill needs none, and it waits
        self.folder = Path(tempfile.mkdtemp(prefix="store-"))
        self.run = self.folder / "run"
        self.run.mkdir()
        self.owner = owner.hold(self.run)
        self.owner.__enter__()
        self.begin()
        self.step = 0
        self.whole: set[int] = set()
        """Steps that were acknowledged, and that nobody pruned, damaged or deleted since."""
        self.best: int | None = None

    def teardown(self) -> None:
        self.owner.__exit__(None, None, None)
        self.patched.undo()
        shutil.rmtree(self.folder)

    def begin(self) -> None:
        self.store = CheckpointStore(self.run / "checkpoints", KEEP)

    @property
    def protected(self) -> set[int]:
        return {self.best} if self.best else set()

    def save_and_prune(self) -> None:
        self.store.publish(self.step + 1, writer(self.step + 1))
        self.step += 1
        self.whole.add(self.step)
        self.store.prune(self.protected)
        self.whole = set(sorted(self.whole)[-KEEP:]) | (self.whole & self.protected)

    @rule()
    def save(self) -> None:
        self.save_and_prune()

    @rule()
    def save_and_call_it_the_best(self) -> None:
        self.save_and_prune()
        self.best = self.step

    @rule(point=st.sampled_from(SAVING))
    def crash_while_saving(self, point: str) -> None:
        image = self.folder / "image"

        def crash(here: str) -> None:
            if here == point:
                shutil.copytree(self.run, image)
                raise PowerGone

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(faults, "hit", crash)
            try:
                self.save_and_prune()
            except PowerGone:
                shutil.rmtree(self.run / "checkpoints", ignore_errors=True)
                if (image / "checkpoints").exists():
                    (image / "checkpoints").rename(self.run / "checkpoints")
                shutil.rmtree(image)
        self.resume()

    @rule()
    def resume(self) -> None:
        self.begin()
        remove_leftovers(self.store.directory)
        newest = self.store.newest()
        there = newest.step if newest else 0
        assert there >= max(self.whole, default=0)
        self.step = there
        self.whole = {step for step in self.store.steps() if self.is_whole(step)}
        if self.best not in self.whole:
            self.best = None
        assert not list(self.run.glob("checkpoints/.tmp-*"))

    @precondition(lambda self: self.whole)
    @rule(data=st.data())
    def the_disk_damages_a_checkpoint(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted(self.whole)))
        path = self.store.at(step).path / data.draw(
            st.sampled_from(["generator", "state", "MANIFEST.json"])
        )
        flip(path, data.draw(st.integers(0, path.stat().st_size - 1)))
        self.forget(step)

    @precondition(lambda self: self.whole)
    @rule(data=st.data())
    def the_user_deletes_a_checkpoint(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(sorted(self.whole)))
        shutil.rmtree(self.store.at(step).path)
        self.forget(step)

    def forget(self, step: int) -> None:
        self.whole.discard(step)
        if self.best == step:
            self.best = None
        self.resume()

    @rule()
    def a_second_owner_is_refused(self) -> None:
        with pytest.MonkeyPatch.context() as impatient:
            impatient.setattr(owner, "_PATIENCE", 0)
            with pytest.raises(RunLocked), owner.hold(self.run):
                pass

    @invariant()
    def everything_acknowledged_is_there_and_equal(self) -> None:
        assert all(self.is_equal(step) for step in self.whole)

    def is_whole(self, step: int) -> bool:
        """Whether a checkpoint verifies; what does is equal, and an older one may be damaged."""
        try:
            return self.is_equal(step)
        except DamagedCheckpoint:
            return False

    def is_equal(self, step: int) -> bool:
        checkpoint = self.store.at(step)
        return all(
            checkpoint.file(name).read_bytes() == data for name, data in content(step).items()
        )


TestLifeOfAStore = LifeOfAStore.TestCase
TestLifeOfAStore.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
