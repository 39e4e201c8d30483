"""Failures at the end of a run: a full disk, pruning, a lost best checkpoint."""

import shlex
import shutil
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.runs import checkpoints, faults
from ganzoo.runs.directory import RunDirectory

from .store_lifecycle import flip
from .tiny import TINY, last_checkpoint, only_run


def test_without_room_for_the_last_checkpoint_a_run_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    words = ["run", *TINY, "train.save_every_steps=100", "eval.extractor=null"]
    monkeypatch.setattr(faults, "_hits", type(faults._hits)())
    monkeypatch.setenv(faults.VARIABLE, "publish.written:enospc:*")
    assert main([*words, "--runs-dir", str(runs)]) == 7
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert message.startswith("no room to save step 6")
    assert "times in a row" not in message
    words = shlex.split(hint.removeprefix("try: "), comments=True)
    assert words == ["ganzoo", "resume", str(only_run(runs))]
    assert RunDirectory(only_run(runs)).status() == "failed"
    monkeypatch.delenv(faults.VARIABLE)
    assert main(words[1:]) == 0
    assert last_checkpoint(only_run(runs)).name == "step-00000006"


def test_an_old_checkpoint_that_cannot_be_removed_does_not_end_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(faults, "_hits", type(faults._hits)())
    monkeypatch.setenv(faults.VARIABLE, "prune.before:enospc:*")
    assert main(["run", *TINY, "--runs-dir", str(tmp_path / "runs")]) == 0
    assert "an old checkpoint could not be removed" in capfd.readouterr().err
    run = only_run(tmp_path / "runs")
    assert len(checkpoints.CheckpointStore(run / "checkpoints").steps()) > 2


@pytest.mark.parametrize("fate", ["gone", "damaged"])
def test_a_best_checkpoint_that_is_lost_costs_its_own_score_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], fate: str
) -> None:
    assert main(["run", *TINY, "train.steps=4", "--runs-dir", str(tmp_path / "runs")]) == 0
    run = RunDirectory(only_run(tmp_path / "runs"))
    best = [score.sampling.step for score in run.scores() if score.sampling][-1]
    assert best == 3
    checkpoint = run.checkpoints_directory / f"step-{best:08d}"
    if fate == "gone":
        shutil.rmtree(checkpoint)
    else:
        flip(checkpoint / "ema.safetensors", 100)
    assert main(["resume", str(run.path), "train.steps=6"]) == 0
    said = capfd.readouterr().err
    assert ("best checkpoint is not scored again: step-00000003: the sha256" in said) == (
        fate == "damaged"
    )
    assert run.status() == "finished"
    assert [s.sampling.step for s in run.scores() if s.sampling and s.sampling.selected == "final"]
