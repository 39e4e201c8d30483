"""Runs that trials have lost: deleted and renamed directories, failing disks, closed streams."""

import errno
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ganzoo.api import SampleSpec
from ganzoo.cli import main
from ganzoo.errors import GanzooError
from ganzoo.report.pages.page import write_page
from ganzoo.runs import owner, records
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.files import write_samples
from ganzoo.training import checkpointing
from ganzoo.training.checkpointing import write_state
from tests.reliability.tiny import TINY, differing, last_checkpoint, only_run

UNSCORED = [*TINY, "eval.extractor=null", "train.sample_every_steps=100"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run that nothing disturbed."""
    runs = tmp_path_factory.mktemp("straight")
    assert main(["run", *UNSCORED, "--runs-dir", str(runs)]) == 0
    return only_run(runs)


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[Path], object]) -> None:
    """Call `act` with the run's directory while a checkpoint of this step is being written."""

    def disturbed(state: object, folder: Path) -> None:
        write_state(state, folder)  # type: ignore[arg-type]
        if state.iteration == step:  # type: ignore[attr-defined]
            act(folder.parents[1])

    monkeypatch.setattr(checkpointing, "write_state", disturbed)


def disturb_after(
    monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[Path], object]
) -> None:
    """Call `act` with the run's directory after a checkpoint of this step was published."""
    publish = CheckpointStore.publish

    def disturbed(store: CheckpointStore, now: int, *rest: object, **about: object) -> object:
        done = publish(store, now, *rest, **about)  # type: ignore[arg-type]
        if now == step:
            act(store.directory.parent)
        return done

    monkeypatch.setattr(CheckpointStore, "publish", disturbed)


Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


# --- a directory that is renamed or deleted ---


def test_a_run_whose_directory_is_renamed_saves_there_stops_and_says_how_to_resume(
    tmp_path: Path, straight: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    new = tmp_path / "a new place"
    append = RunDirectory.append_metrics

    def disturbed(run: RunDirectory, row: dict[str, object]) -> None:
        append(run, row)
        if row["step"] == 1:
            run.path.rename(new)

    monkeypatch.setattr(RunDirectory, "append_metrics", disturbed)
    assert main(["run", *UNSCORED, "--runs-dir", str(tmp_path / "runs")]) == 75
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert f"was renamed to {new} while its run was training" in message
    words = shlex.split(hint.removeprefix("try: "))
    assert words == ["ganzoo", "resume", str(new)]
    assert not [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    assert not (new / "owner.json").exists()
    saved = [event["step"] for event in RunDirectory(new).events() if event["event"] == "saved"]
    assert saved == CheckpointStore(new / "checkpoints").steps() == [2]
    assert [row["step"] for row in RunDirectory(new).metrics()] == [1, 2]
    monkeypatch.undo()
    assert main(words[1:]) == 0
    assert differing(last_checkpoint(new), last_checkpoint(straight)) == []


def test_a_directory_above_the_run_may_be_renamed_while_a_checkpoint_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    at_step(monkeypatch, 4, lambda run: run.parent.rename(tmp_path / "other"))
    assert main(["run", *UNSCORED, "--runs-dir", str(tmp_path / "runs")]) == 75
    run = only_run(tmp_path / "other")
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert message.endswith("its newest checkpoint is of step 2")
    assert not (tmp_path / "runs").exists()
    monkeypatch.undo()
    assert main(shlex.split(hint.removeprefix("try: "))[1:]) == 0
    assert not list(run.rglob(".tmp-*"))


@pytest.mark.parametrize("lost", ["everything", "recipe.lock.yaml"])
def test_a_run_whose_directory_is_deleted_acknowledges_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture, lost: str
) -> None:
    def delete(run: Path) -> None:
        shutil.rmtree(run) if lost == "everything" else (run / lost).unlink()

    disturb_after(monkeypatch, 2, delete)
    assert main(["run", *UNSCORED, "--runs-dir", str(tmp_path / "runs")]) == 5
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert "while its run was training: nothing " in message
    assert hint.startswith("try: ganzoo resume ")
    runs = [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    assert len(runs) == (lost != "everything")
    for run in runs:
        assert CheckpointStore(run / "checkpoints").steps() == [2]


def test_a_run_that_another_process_has_taken_over_writes_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    other = b'{"pid": 1, "host": "elsewhere", "started": "2026-01-01"}'
    disturb_after(monkeypatch, 2, lambda run: (run / "owner.json").write_bytes(other))
    assert main(["run", *UNSCORED, "--runs-dir", str(tmp_path / "runs")]) == 6
    assert "was taken over by pid 1 on elsewhere" in capfd.readouterr().err.splitlines()[-2]
    run = only_run(tmp_path / "runs")
    assert owner.owner_of(run) is not None
    assert CheckpointStore(run / "checkpoints").steps() == [2]


def test_a_lost_owner_json_alone_disturbs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturb_after(monkeypatch, 2, lambda run: (run / "owner.json").unlink())
    assert main(["run", *UNSCORED, "--runs-dir", str(tmp_path / "runs")]) == 0


# --- streams that nobody reads ---


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``ganzoo`` is this one."""
    name = f'ganzoo() {{ {shlex.quote(sys.executable)} -m ganzoo "$@"; }}; '
    return subprocess.run(
        ["bash", "-c", name + line], cwd=folder, capture_output=True, text=True, timeout=900,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("redirected", ["2>/dev/full", "2> >(head -n 1 >&2)", ">&- 2>&-"])
def test_training_goes_on_when_nobody_reads_what_it_says(tmp_path: Path, redirected: str) -> None:
    done = shell(f"ganzoo run {shlex.join(UNSCORED)} {redirected}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert RunDirectory(only_run(tmp_path / "runs")).status() == "finished"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
def test_a_result_that_cannot_be_printed_is_an_error_of_one_line_after_the_training(
    tmp_path: Path,
) -> None:
    done = shell(f"ganzoo run {shlex.join(UNSCORED)} >/dev/full", tmp_path)
    assert done.returncode == 7
    assert done.stderr.splitlines()[-2:] == [
        "standard output cannot be written: No space left on device",
        "try: write it elsewhere: > FILE",
    ]
    assert RunDirectory(only_run(tmp_path / "runs")).status() == "finished"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirected", "code"),
    [("2>&-", 0), ("2>/dev/full", 0), (">&-", 0), (">/dev/full", 7), ("| head -n 0", 141)],
)
def test_a_short_command_ends_as_designed_without_readers(
    tmp_path: Path, redirected: str, code: int
) -> None:
    done = shell(f"ganzoo recipes {redirected}; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# --- files that cannot be written ---

EXIT = {"ENOSPC": 7, "EDQUOT": 7, "EFBIG": 7, "EIO": 7, "EROFS": 7, "EACCES": 2}
"""errno → exit code. Permission is a matter of the command; the rest is the machine's."""


@pytest.mark.parametrize("name", EXIT)
@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("schema --out schema.json", "schema.json"),
        ("new recipe mine --from gaussians-mlp", "mine.yaml"),
        ("new plugin mine --kind loss", "ganzoo-mine"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_and_nothing_half_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Capture,
    words: str,
    named: str,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", failing(name))
    assert main(words.split()) == EXIT[name]
    message, hint = capfd.readouterr().err.splitlines()[-2:]
    assert named in message
    assert os.strerror(getattr(errno, name)) in message
    assert hint.startswith("try: ")
    assert not list(tmp_path.iterdir())


def failing(name: str) -> Callable[..., None]:
    """Return a function that raises the OSError of this errno, as a call on a descriptor does."""
    number: int = getattr(errno, name)

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("name", EXIT)
def test_pages_and_pictures_are_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "samples.png"
    for path in (page, picture):
        path.write_text("before")
    monkeypatch.setattr(os, "fsync", failing(name))
    spec, samples = SampleSpec("image", (1, 8, 8)), torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    for path, write in (
        (page, lambda: write_page(page, "after")),
        (picture, lambda: write_samples(picture, spec, samples)),
    ):
        with pytest.raises(GanzooError, match=path.name) as caught:
            write()
        assert caught.value.exit_code == EXIT[name]
        assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("half", [0, 5])
def test_nothing_of_a_record_stays_whose_writing_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: int
) -> None:
    path = tmp_path / "events.jsonl"
    records.append(path, {"event": "started"}, durable=True)
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        path.write_bytes(path.read_bytes()[: len(before) + half])
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"events\.jsonl"):
        records.append(path, {"event": "saved"}, durable=True)
    assert path.read_bytes() == before


def test_a_run_that_cannot_be_read_for_now_is_not_started_a_second_time(
    tmp_path: Path, straight: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    runs = shutil.copytree(straight.parent, tmp_path / "runs")

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("ganzoo.runs.directory.read_regular", fail)
    assert main(["run", *UNSCORED, "--resume", "auto", "--runs-dir", str(runs)]) == 7
    assert "cannot be read: Input/output error" in capfd.readouterr().err.splitlines()[-2]
    assert len([path for path in runs.iterdir() if path.is_dir()]) == 1


# --- every file call ---


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="preloads C on Linux")
def test_a_fault_at_any_file_call_of_a_run_and_its_resume_loses_nothing() -> None:
    words = [sys.executable, "-m", "tests.reliability.file_faults", "--share", "199"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost" in done.stdout.splitlines()[-1]
