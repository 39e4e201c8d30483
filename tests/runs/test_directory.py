"""A run's directory: unique, found by prefix, owned by one process, with the right status."""

import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.errors import DataError, DiskFull, RunLocked, UsageError
from ganzoo.runs import faults
from ganzoo.runs.directory import RunDirectory, unreadable
from ganzoo.runs.owner import is_held
from ganzoo.runs.records import append
from ganzoo.runs.score import Protocol, Score

PROTOCOL = Protocol(
    extractor="zoo/toy-cnn",
    extractor_revision=1,
    weights_sha256="ab" * 32,
    layer="features",
    input_rule="uint8",
    extractor_dtype="float32",
    n_fake=599,
    reference="zoo/digits",
    reference_sha256="cd" * 32,
    split="train",
    n_real=600,
)

HOLDER = """
import sys
from pathlib import Path
from ganzoo.runs.records import append
from ganzoo.runs.directory import RunDirectory

run = RunDirectory(Path(sys.argv[1]))
with run.hold():
    run.begin_attempt()
    run.append_event("started")
    print("held", flush=True)
    sys.stdin.read()
    run.append_event("finished")
"""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "ü 空 'runs"


def holder(run: RunDirectory) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


# --- making and finding ---


def test_a_new_run_is_named_by_recipe_seed_and_six_hex_digits(runs: Path) -> None:
    run = RunDirectory.create(runs, "digits-hinge", 3)
    stem, _, tail = run.name.rpartition("-")
    assert stem == "digits-hinge-s3"
    assert len(tail) == 6
    assert int(tail, 16) >= 0
    assert run.info()["seed"] == 3
    assert run.status() == "interrupted"


def test_two_runs_never_share_a_directory(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, drawn = iter(["aaaaaa", "aaaaaa", "bbbbbb"]), secrets.token_hex
    monkeypatch.setattr("secrets.token_hex", lambda n: next(tokens) if n == 3 else drawn(n))
    names = [RunDirectory.create(runs, "a", 0).name for _ in range(2)]
    assert names == ["a-s0-aaaaaa", "a-s0-bbbbbb"]


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a\\b", ".hidden", "a\nb", "x" * 201])
def test_a_name_that_cannot_be_a_directory_is_refused(runs: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid run name"):
        RunDirectory.create(runs, name, 0)
    assert not runs.exists()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file cannot be written: File exists") as caught:
        RunDirectory.create(tmp_path / "file", "a", 0)
    assert caught.value.hint == "--runs-dir DIRECTORY"


def test_a_full_disk_leaves_no_empty_run(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faults.VARIABLE, "info.before_write:enospc:*")
    with pytest.raises(DiskFull):
        RunDirectory.create(runs, "a", 0)
    assert [path.name for path in runs.iterdir()] == [".lock"]


def test_a_run_is_found_by_path_by_name_by_unique_prefix_and_as_the_last(runs: Path) -> None:
    first, second = RunDirectory.create(runs, "dcgan", 0), RunDirectory.create(runs, "dcgan-big", 0)
    for reference in (first.path, str(first.path), first.name, "dcgan-s"):
        assert RunDirectory.find(reference, runs).path == first.path
    assert RunDirectory.find("last", runs).path == second.path
    assert [run.path for run in RunDirectory.all(runs)] == [first.path, second.path]
    with pytest.raises(UsageError, match=f"matches 2 runs: {first.name}, {second.name}"):
        RunDirectory.find("dcgan", runs)
    for missing in ("gan", "", str(runs)):
        with pytest.raises(UsageError, match="no run"):
            RunDirectory.find(missing, runs)


def test_a_missing_runs_directory_has_no_runs(tmp_path: Path) -> None:
    assert RunDirectory.all(tmp_path / "none") == []
    with pytest.raises(UsageError, match="no run 'last'"):
        RunDirectory.find("last", tmp_path / "none")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"created": 3}', b"\xff"])
def test_a_run_with_a_damaged_run_json_is_left_out_and_listed(runs: Path, damage: bytes) -> None:
    good, bad = RunDirectory.create(runs, "a", 0), RunDirectory.create(runs, "b", 0)
    bad.info_file.write_bytes(damage)
    with pytest.raises(DataError, match=r"run\.json"):
        bad.info()
    assert [run.path for run in RunDirectory.all(runs)] == [good.path]
    assert [path for path, _ in unreadable(runs)] == [bad.path]


def test_a_moved_run_is_unchanged(runs: Path, tmp_path: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    run.append_metrics({"step": 1, "loss": 0.5})
    moved = RunDirectory(run.path.rename(tmp_path / "elsewhere"))
    assert moved.info()["name"] == "a"
    assert moved.metrics()[0]["loss"] == 0.5


# --- records ---


def test_writing_some_fields_of_the_info_leaves_the_others(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 5)
    run.write_info(device="cpu", path=Path("x"))
    assert run.info()["seed"] == 5
    assert json.loads(run.info_file.read_bytes())["path"] == "x"
    assert [path.name for path in run.path.iterdir()] == ["run.json"]


def test_writing_the_same_facts_again_leaves_run_json_untouched(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 5)
    run.write_info(device="cpu", path=Path("x"))
    inode = run.info_file.stat().st_ino
    run.write_info(path=Path("x"), seed=5)
    assert run.info_file.stat().st_ino == inode
    run.write_info(seed=6)
    assert run.info()["seed"] == 6


def test_every_record_names_its_attempt(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    assert run.attempt == 0
    run.begin_attempt()
    run.append_metrics({"step": 1, "loss": 1.0})
    run.append_metrics({"step": 2, "loss": float("nan")})
    resumed = RunDirectory(run.path)
    assert resumed.begin_attempt() == resumed.attempt == 2
    resumed.append_metrics({"step": 2, "loss": 3.0})
    resumed.append_event("resumed", step=1)
    rows = [(row["step"], row["attempt"], row["loss"]) for row in RunDirectory(run.path).metrics()]
    assert rows == [(1, 1, 1.0), (2, 2, 3.0)]
    [event] = run.events()
    assert (event["event"], event["step"], event["attempt"]) == ("resumed", 1, 2)
    assert event["time"].endswith("+00:00")


def test_scores_come_back_as_they_were(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    scores = [Score.now(value=1.5, protocol=PROTOCOL), Score.now(value=0.5, protocol=PROTOCOL)]
    for score in scores:
        run.append_score(score)
    assert run.scores() == scores
    append(run.scores_file, {"value": 3}, durable=True)
    assert run.scores() == scores
    assert run.damaged() == [
        "scores.jsonl:3 a protocol needs extractor, extractor_revision, weights_sha256, layer, "
        "input_rule, extractor_dtype, n_fake, reference, reference_sha256, split, n_real"
    ]


# --- owner and status ---


def test_the_status_follows_the_lock_and_the_events(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    for kind, status in [
        ("started", "interrupted"),
        ("saved", "interrupted"),
        ("failed", "failed"),
        ("resumed", "interrupted"),
        ("finished", "finished"),
        ("scored", "finished"),
    ]:
        with run.hold():
            run.append_event(kind)
            assert run.status() == "running"
        assert run.status() == status


def test_a_second_owner_is_refused_and_the_message_names_the_first(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    process = holder(run)
    with pytest.raises(RunLocked) as caught, run.hold(take_over=True):
        pass
    message = caught.value.message
    assert f"in use by pid {process.pid} on {socket.gethostname()} since 20" in message
    assert caught.value.hint == f"wait until it is done, or stop it: kill {process.pid}"
    assert run.status() == "running"
    process.communicate()
    assert run.status() == "finished"
    with run.hold() as owner:
        assert owner.pid == os.getpid()


def test_a_killed_owner_leaves_an_interrupted_run_that_can_be_held(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    process = holder(run)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert run.status() == "interrupted"
    with run.hold():
        assert run.status() == "running"
    assert run.status() == "interrupted"


def test_the_lock_of_another_host_is_refused_unless_it_is_taken_over(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    owner = {"pid": 4121, "host": "node3", "started": "2025-01-02T10:02:00+00:00"}
    (run.path / "owner.json").write_text(json.dumps(owner))
    assert run.status() == "running"
    with pytest.raises(RunLocked, match="pid 4121 on node3 since 2025-01-02") as caught, run.hold():
        pass
    assert caught.value.hint is not None
    assert shlex.split(caught.value.hint, comments=True) == [
        "ganzoo", "resume", str(run.path), "--take-over"
    ]  # fmt: skip
    with run.hold(take_over=True):
        assert run.status() == "running"
    assert run.status() == "interrupted"


def test_a_lock_that_another_host_released_is_free(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.create(runs, "a", 0)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "node3")
        with run.hold() as owner:
            assert owner.host == "node3"
    with run.hold() as owner:
        assert owner.host == socket.gethostname()


def test_checking_a_lock_leaves_no_trace(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    assert not is_held(run.path)
    assert [path.name for path in run.path.iterdir()] == ["run.json"]


def test_a_new_owner_removes_temporary_files_of_killed_writes_and_nothing_else(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    (run.path / ".tmp-0a1b2c3d.json").write_text('{"crea')
    run.samples_directory.mkdir()
    (run.samples_directory / ".tmp-0a1b2c3d.png").touch()
    (run.path / "notes.tmp").write_text("mine")
    with run.hold():
        names = {path.name for path in run.path.iterdir()}
    assert names == {"run.json", "notes.tmp", "lock", "owner.json", "samples"}
    assert not list(run.samples_directory.iterdir())


def test_an_unreadable_owner_is_reported_as_another_process(runs: Path) -> None:
    run = RunDirectory.create(runs, "a", 0)
    process = holder(run)
    (run.path / "owner.json").write_text("{")
    with pytest.raises(RunLocked, match="in use by another process"), run.hold():
        pass
    process.communicate()


def test_the_runs_floor_imports_no_torch() -> None:
    modules = "directory, checkpoints, score, records, owner, faults, files, manifest"
    code = f"import sys; from ganzoo.runs import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
