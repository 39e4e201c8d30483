"""Updates that the device decides about: the first failed one and all later ones move no weight."""

from pathlib import Path

import pytest
import torch

from ganzoo.errors import Diverged
from ganzoo.sampling.random_streams import CPU
from ganzoo.training import assemble
from ganzoo.training.assemble import make_step
from ganzoo.training.nonfinite import NotFinite
from ganzoo.training.player import Guard
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .test_graphs import state
from .test_nonfinite import KINDS, accidents, assert_finite, plan_of, run, the_run


def guarded(tmp_path: Path, at: int = 2) -> GanStep:
    """Return a step whose accident comes in G's update of step `at`, under a guard."""
    step = make_step(plan_of(tmp_path, {"what": "term", "at": at}), Processes(CPU))
    step.guard = step.discriminator.guard = step.generator.guard = Guard(CPU)
    return step


def test_a_guard_records_the_first_failure_and_allows_nothing_after_it() -> None:
    guard = Guard(CPU)
    fine, bad = torch.tensor(True), torch.tensor(False)
    assert [bool(guard.allow(each)) for each in (fine, fine, bad, fine, bad)] == [True] * 2 + [
        False
    ] * 3
    assert guard.first() == 2
    guard.reset()
    assert guard.first() is None
    assert bool(guard.allow(fine))


def test_weights_stay_as_they_were_before_the_failed_update(tmp_path: Path) -> None:
    step = guarded(tmp_path, at=2)
    plain = make_step(plan_of(tmp_path, {"what": "term", "at": 2}), Processes(CPU))
    for _ in range(5):
        step()
    for _ in range(2):
        plain()
    plain.update(plain.discriminator, 0)
    for role in ("discriminator", "generator"):
        ours, theirs = step.players[role].parameters, plain.players[role].parameters
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_host_finds_the_first_failed_update_when_it_checks(tmp_path: Path) -> None:
    step = guarded(tmp_path, at=2)
    for _ in range(5):
        step()
    with pytest.raises(NotFinite) as found:
        step.check_finite()
    report = found.value.report
    assert (report.player, report.step, report.repeat) == ("generator", 2, 0)
    assert "accident" in report.what
    assert len(report.batch) == step.config.batch_size


def test_under_a_guard_a_healthy_run_is_bit_for_bit_the_same(tmp_path: Path) -> None:
    ours = guarded(tmp_path, at=10**6)
    theirs = make_step(plan_of(tmp_path, {"what": "term", "at": 10**6}), Processes(CPU))
    for _ in range(4):
        ours()
        theirs()
        ours.check_finite()
    assert all(torch.equal(a, b) for a, b in zip(state(ours), state(theirs), strict=True))


@pytest.mark.parametrize("what", KINDS)
class TestUnderEachPolicy:
    """A whole run under a guard, which looks when it logs and when it saves."""

    @pytest.fixture(autouse=True)
    def guarded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(assemble, "_guard", lambda *given: Guard(CPU))

    def test_stop_leaves_the_checkpoint_before(self, tmp_path: Path, what: str) -> None:
        with pytest.raises(Diverged, match="not finite"):
            run(tmp_path, what)
        assert_finite(the_run(tmp_path))
        (accident,) = accidents(the_run(tmp_path))
        assert (accident["outcome"], accident["step"]) == ("stopped", 4 if what == "weight" else 3)

    def test_rollback_goes_on_to_the_end(self, tmp_path: Path, what: str) -> None:
        directory = run(tmp_path, what, train__on_nonfinite="rollback")
        assert_finite(directory)
        assert [each["event"] for each in directory.events()].count("rolled back") == 1
        assert directory.checkpoints_directory.joinpath("step-00000006").is_dir()
