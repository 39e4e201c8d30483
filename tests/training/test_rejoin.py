"""Going on with a run: with which, with what changed, and what a refusal leaves behind."""

import shlex
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Barrier, Thread
from time import sleep
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ganzoo.cli import main
from ganzoo.components.plan import Plan
from ganzoo.errors import DataError, PluginError, RunLocked, UsageError
from ganzoo.recipes.lock import read_lock, write_lock
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.training import rejoin
from ganzoo.training.continuity import refuse_drift
from ganzoo.training.launch import Options, prepare, resume
from ganzoo.training.rejoin import start_or_resume
from ganzoo.training.run_files import rewrite_lock

SMALL = ["train.batch_size=8", "generator.width=8", "discriminator.width=8", "eval.extractor=null"]


@cache
def plan_of(steps: int, *changes: str) -> Plan:
    return prepare("gaussians-mlp", [*SMALL, "eval.metrics=[]", f"train.steps={steps}", *changes])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run of two steps."""
    return start_or_resume(plan_of(2), Options(runs_directory=tmp_path_factory.mktemp("runs")))


@pytest.fixture
def run(finished: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A finished run of two steps, the only one of its directory."""
    return RunDirectory(Path(shutil.copytree(finished.path, tmp_path / "ü 空 'x" / finished.name)))


def start_or_resume_with_two_steps(run: RunDirectory) -> None:
    start_or_resume(plan_of(2), Options(runs_directory=run.path.parent))


def resume_from_the_shell(run: RunDirectory) -> None:
    assert main(["resume", str(run.path)]) == 0


def content(run: RunDirectory) -> dict[str, bytes]:
    files = (run.lock_file, run.info_file, run.events_file)
    return {file.name: file.read_bytes() for file in files}


def test_a_run_that_is_finished_is_left_as_it_is(run: RunDirectory) -> None:
    before = content(run)
    again = start_or_resume(plan_of(2), Options(runs_directory=run.path.parent))
    assert again.path == run.path
    assert content(run) == before


def test_more_steps_go_on_with_the_run_that_is_there(run: RunDirectory) -> None:
    options = Options(runs_directory=run.path.parent)
    assert start_or_resume(plan_of(4), options).path == run.path
    assert [event["step"] for event in run.events() if event["event"] == "resumed"] == [2]
    assert read_lock(run.lock_file)["train"]["steps"] == 4
    assert run.status() == "finished"


def test_another_experiment_or_name_is_another_run(run: RunDirectory) -> None:
    directory = run.path.parent
    start_or_resume(plan_of(2, "seed=1"), Options(runs_directory=directory))
    start_or_resume(plan_of(2), Options(runs_directory=directory, name="other"))
    assert len(RunDirectory.all(directory)) == 3


def test_of_two_that_are_the_same_neither_is_taken_and_both_are_named(run: RunDirectory) -> None:
    twin = Path(shutil.copytree(run.path, run.path.with_name("gaussians-mlp-s0-twin00")))
    with pytest.raises(UsageError, match="2 runs are the same experiment") as caught:
        start_or_resume(plan_of(2), Options(runs_directory=run.path.parent))
    assert caught.value.hint is not None
    words = shlex.split(caught.value.hint)
    assert (words[:2], set(words[2:])) == (["ganzoo", "compare"], {str(run.path), str(twin)})
    RunDirectory(twin).append_event("resumed")
    with pytest.raises(UsageError) as caught:
        start_or_resume(plan_of(2), Options(runs_directory=run.path.parent))
    assert shlex.split(caught.value.hint or "") == ["ganzoo", "resume", str(twin)]


@pytest.mark.parametrize("goes_on", [start_or_resume_with_two_steps, resume_from_the_shell])
def test_a_finished_run_whose_last_checkpoint_is_damaged_is_mended(
    goes_on: Callable[[RunDirectory], None], run: RunDirectory
) -> None:
    weights = run.checkpoints_directory / "step-00000002" / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    goes_on(run)
    assert CheckpointStore(run.checkpoints_directory).at(2).step == 2
    assert run.status() == "finished"


@pytest.mark.parametrize("goes_on", [start_or_resume_with_two_steps, resume_from_the_shell])
def test_a_finished_run_that_lost_its_last_checkpoint_makes_it_again_bit_for_bit(
    goes_on: Callable[[RunDirectory], None], run: RunDirectory
) -> None:
    last = run.checkpoints_directory / "step-00000002"
    weights = load_file(last / "ema.safetensors")
    shutil.rmtree(last)
    goes_on(run)
    again = load_file(last / "ema.safetensors")
    assert all(torch.equal(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize("text", ["", "recipe: 1\n", None])
def test_a_run_without_a_readable_lock_says_so(text: str | None, run: RunDirectory) -> None:
    run.lock_file.unlink()
    if text is not None:
        run.lock_file.write_text(text)
    with pytest.raises(DataError, match="has no readable lock") as caught:
        resume(run, (), Options())
    words = shlex.split(caught.value.hint or "", comments=True)
    assert words == ["ganzoo", "run", str(run.recipe_file)]


def test_a_run_writes_down_what_it_says(run: RunDirectory) -> None:
    lines = run.log_file.read_text().splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["run", "data", "device"]
    assert lines[-1].endswith("end     finished")


# --- a refusal changes nothing -------------------------------------------------------------------


def test_a_budget_that_is_past_leaves_the_run_as_it_was(run: RunDirectory) -> None:
    before = content(run)
    with pytest.raises(UsageError, match="is at step 2 already, past 1") as caught:
        resume(run, ["train.steps=1"], Options())
    words = shlex.split(caught.value.hint or "", comments=True)
    assert words[2:] == [str(run.path), "train.steps=2"]
    assert content(run) == before
    assert run.status() == "finished"


def test_a_run_in_other_hands_keeps_its_lock_file(run: RunDirectory) -> None:
    before = content(run)
    with run.hold(), pytest.raises(RunLocked):
        resume(run, ["train.steps=9"], Options())
    assert content(run) == before


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("train.batch_size", ["run", "{lock}", "train.batch_size=VALUE"]),
        ("train.step", ["resume", "{run}", "train.steps=VALUE"]),
    ],
)
def test_what_cannot_change_is_answered_with_the_command_that_was_meant(
    key: str, hint: list[str], run: RunDirectory
) -> None:
    with pytest.raises(UsageError, match=f"{key} cannot change") as caught:
        resume(run, [f"{key}=3"], Options())
    expected = [word.format(lock=run.lock_file, run=run.path) for word in hint]
    assert shlex.split(caught.value.hint or "", comments=True) == ["ganzoo", *expected]


def test_nested_overrides_are_those_that_are_written_with_dots(run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="is at step 2 already, past 1"):
        resume(run, {"train": {"steps": 1}}, Options())
    with pytest.raises(UsageError, match=r"train\.batch_size cannot change"):
        resume(run, {"train": {"steps": 4, "batch_size": 2}}, Options())


def test_other_code_than_the_locks_is_named_with_the_command_that_disregards_it(
    run: RunDirectory,
) -> None:
    lock = read_lock(run.lock_file)
    refuse_drift(lock, plan_of(2), "ganzoo run x")
    lock["lock"]["components"]["loss"]["revision"] = 99
    with pytest.raises(PluginError, match=r"loss \(zoo/.*\): revision 99 is now 1") as caught:
        refuse_drift(lock, plan_of(2), "ganzoo run x")
    assert caught.value.hint == "ganzoo run x"


def test_of_two_commands_at_once_one_makes_the_run_and_the_other_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, inside, made = Barrier(2), [], []
    create = rejoin.create_run

    def create_slowly(*arguments: Any) -> RunDirectory:
        inside.append(1)
        assert len(inside) == 1, "two processes create the run"
        sleep(0.3)
        return create(*arguments)

    monkeypatch.setattr(rejoin, "create_run", create_slowly)
    options = Options(runs_directory=tmp_path)
    plan = plan_of(2)

    def enter() -> None:
        entered.wait()
        made.append(rejoin._found_or_created(plan, options))

    threads = [Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((known is None, created is None) for known, created in made) == [
        (False, True),
        (True, False),
    ]
    assert len(RunDirectory.all(tmp_path)) == 1


def test_a_resume_that_changes_nothing_writes_no_lock(run: RunDirectory) -> None:
    before = run.lock_file.read_bytes(), run.lock_file.stat().st_ino
    plan = plan_of(2)
    rewrite_lock(run, plan)
    assert (run.lock_file.read_bytes(), run.lock_file.stat().st_ino) == before


def test_a_longer_budget_keeps_the_code_that_the_lock_records(run: RunDirectory) -> None:
    lock = read_lock(run.lock_file)
    lock["lock"]["torch"] = "1.0.0"
    write_lock(run.lock_file, lock)
    rewrite_lock(run, plan_of(4))
    now = read_lock(run.lock_file)
    assert (now["train"]["steps"], now["lock"]["torch"]) == (4, "1.0.0")


LOCAL = """
from pathlib import Path
from ganzoo.api import hookimpl

Path({canary!r}).touch()

class Flat:
    def discriminator(self, game):
        return {{"gap": game.fake_logits.mean() - game.real_logits.mean()}}

    def generator(self, game):
        return {{"fake": -game.fake_logits.mean()}}

@hookimpl
def register_losses(register):
    register("flat", "mine:Flat")
"""


def test_a_plugin_file_in_a_run_that_uses_none_is_not_executed(
    run: RunDirectory, tmp_path: Path
) -> None:
    canary = tmp_path / "executed"
    run.plugin_file.write_text(LOCAL.format(canary=str(canary)))
    assert main(["sample", str(run.path), "-n", "2"]) == 0
    assert main(["resume", str(run.path), "train.steps=3"]) == 0
    assert not canary.exists()


def test_a_plugin_file_that_is_not_the_runs_own_is_not_executed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canary, mine = tmp_path / "executed", tmp_path / "mine.py"
    mine.write_text(LOCAL.format(canary=str(canary)))
    words = ["run", "gaussians-mlp", *SMALL, "eval.metrics=[]", "train.steps=2"]
    words += ["loss=local/flat", "--plugin", str(mine), "--runs-dir", str(tmp_path / "runs")]
    assert main(words) == 0
    (run,) = RunDirectory.all(tmp_path / "runs")
    assert main(["sample", str(run.path), "-n", "2"]) == 0
    canary.unlink()
    run.plugin_file.write_text(LOCAL.format(canary=str(canary)) + "\n# changed")
    for verb in ("sample", "export", "score"):
        capsys.readouterr()
        assert main([verb, str(run.path)]) == 2
        assert "is not the file that" in capsys.readouterr().err
    assert not canary.exists()
