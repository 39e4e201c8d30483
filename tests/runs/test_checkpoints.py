"""Checkpoints: complete or absent, verified when read, never pruned below two."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.errors import CheckpointError
from ganzoo.runs import faults
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import NoRoom, remove_leftovers
from ganzoo.runs.manifest import DamagedCheckpoint
from ganzoo.runs.records import content_hash

from ..reliability.store_lifecycle import content, flip, writer

SECRET = hashlib.sha256(b"secret").hexdigest()


def filled(directory: Path, *steps: int, keep: int = 2) -> CheckpointStore:
    directory.mkdir(exist_ok=True)
    store = CheckpointStore(directory / "checkpoints", keep)
    for step in steps:
        store.publish(step, writer(step), samples_seen=64 * step)
    return store


def names(store: CheckpointStore) -> list[str]:
    return sorted(path.name for path in store.directory.iterdir())


def test_a_published_checkpoint_is_read_back_with_its_facts(tmp_path: Path) -> None:
    store = filled(tmp_path / "ü 空 'x", 7, 12000)
    newest = store.newest()
    assert newest is not None
    assert newest.step == 12000
    assert newest.path.name == "step-00012000"
    assert newest.manifest["samples_seen"] == 64 * 12000
    assert newest.file("state").read_bytes() == content(12000)["state"]
    assert store.steps() == [7, 12000]
    assert names(store) == ["step-00000007", "step-00012000"]
    with pytest.raises(CheckpointError, match="has no other"):
        newest.file("other")


def test_the_sha256_of_a_checkpoint_depends_on_its_files_only(tmp_path: Path) -> None:
    first = CheckpointStore(tmp_path / "a").publish(1, writer(5), plugins={"zoo": "0.1.0"})
    second = CheckpointStore(tmp_path / "b").publish(2, writer(5))
    other = CheckpointStore(tmp_path / "c").publish(1, writer(6))
    assert first.sha256 == second.sha256 != other.sha256


def test_an_intact_step_is_kept_and_not_written_again(tmp_path: Path) -> None:
    store = filled(tmp_path, 5)
    again = store.publish(5, lambda path: pytest.fail("written again"))
    assert again == store.at(5)


def test_a_damaged_step_is_set_aside_and_written_again(tmp_path: Path) -> None:
    store = filled(tmp_path, 5)
    flip(store.at(5).file("state"))
    assert store.publish(5, writer(5)) == store.at(5)
    assert len(store.set_aside) == 1
    assert [name[:16] for name in names(store)] == ["corrupt-00000005", "step-00000005"]


def test_a_writer_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    def refuse(directory: Path) -> None:
        writer(2)(directory)
        raise CheckpointError("a weight is not finite")

    store = filled(tmp_path, 1)
    with pytest.raises(CheckpointError, match="not finite"):
        store.publish(2, refuse)
    assert names(store) == ["step-00000001"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_files_get_the_mode_of_the_umask(tmp_path: Path) -> None:
    def private(directory: Path) -> None:
        writer(1)(directory)
        (directory / "generator").chmod(0o600)

    before = os.umask(0o027)
    try:
        checkpoint = CheckpointStore(tmp_path / "c").publish(1, private)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in checkpoint.path.iterdir()}
    assert modes == dict.fromkeys(["MANIFEST.json", "generator", "state"], 0o640)


# --- damage ---


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: flip(path / "state", 300), "the sha256 of state differs"),
        (lambda path: (path / "state").write_bytes(b"short"), "state has 5 bytes, not 768"),
        (lambda path: (path / "generator").unlink(), "generator is missing"),
        (lambda path: (path / "MANIFEST.json").unlink(), "MANIFEST.json is missing"),
        (lambda path: (path / "MANIFEST.json").write_bytes(b""), "MANIFEST.json is damaged"),
        (
            lambda path: (path / "MANIFEST.json").write_bytes(b"[" * 9999),
            "MANIFEST.json is damaged",
        ),
    ],
)
def test_a_damaged_checkpoint_is_set_aside_and_the_previous_one_is_used(
    tmp_path: Path, harm: Callable[[Path], object], said: str
) -> None:
    store = filled(tmp_path, 1, 2, 3)
    harm(store.at(3).path)
    with pytest.raises(DamagedCheckpoint, match=said):
        store.at(3)
    newest = store.newest()
    assert newest is not None
    assert newest.step == 2
    [message] = store.set_aside
    assert message.startswith("step-00000003: ")
    assert said in message
    assert message.endswith(f"set aside as {names(store)[0]}")
    assert names(store)[0].startswith("corrupt-00000003-")
    assert store.steps() == [1, 2]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_and_any_cut_is_noticed_or_changes_nothing(
    tmp_path: Path, data: st.DataObject
) -> None:
    store = filled(tmp_path, 3)
    before = store.at(3)
    path = data.draw(st.sampled_from(sorted(before.path.iterdir())))
    original = path.read_bytes()
    offset = data.draw(st.integers(0, len(original) - 1))
    bit = data.draw(st.integers(0, 8))
    harmed = bytearray(original)
    if bit == 8:
        del harmed[offset:]
    else:
        harmed[offset] ^= 1 << bit
    path.write_bytes(harmed)
    try:
        assert store.at(3) == before
    except DamagedCheckpoint:
        pass
    finally:
        path.write_bytes(original)


def test_a_newer_format_is_refused_and_left_in_place(tmp_path: Path) -> None:
    store = filled(tmp_path, 1, 2)
    rewrite(store.at(2).path, format=99)
    with pytest.raises(
        CheckpointError, match="has format 99; this version of ganzoo reads format 1"
    ):
        store.newest()
    assert store.steps() == [1, 2]


@pytest.mark.parametrize(
    "lie",
    [
        {"files": {"../../secret": {"bytes": 6, "sha256": SECRET}}},
        {"files": {"a/../../../secret": {"bytes": 6, "sha256": SECRET}}},
        {"files": {"state": "short"}},
        {"files": []},
        {"step": "3"},
        {"step": 8},
    ],
)
def test_a_forged_manifest_counts_as_damage_and_reads_no_file_elsewhere(
    tmp_path: Path, lie: dict[str, object]
) -> None:
    store = filled(tmp_path, 3)
    (tmp_path / "secret").write_bytes(b"secret")
    (store.at(3).path / "a").mkdir()
    rewrite(store.at(3).path, **lie)
    with pytest.raises(DamagedCheckpoint):
        store.at(3)


def rewrite(path: Path, **changes: object) -> None:
    manifest = json.loads((path / "MANIFEST.json").read_bytes())
    del manifest["manifest_sha256"]
    manifest |= changes
    manifest["manifest_sha256"] = content_hash(manifest)
    (path / "MANIFEST.json").write_text(json.dumps(manifest))


def test_a_missing_step_is_an_error_that_names_the_existing_steps(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no checkpoint of step 4; it has 1, 2") as caught:
        filled(tmp_path, 1, 2).at(4)
    assert caught.value.hint == "--checkpoint 2"
    assert CheckpointStore(tmp_path / "nowhere").newest() is None


def test_without_a_checkpoint_the_hint_for_a_running_run_is_ls_and_else_resume(
    tmp_path: Path,
) -> None:
    run = RunDirectory.create(tmp_path, "a", 0)
    store = CheckpointStore(run.checkpoints_directory)
    with pytest.raises(CheckpointError, match=r"has no checkpoint$") as caught:
        store.at(0)
    assert caught.value.hint == f"ganzoo resume {run.path}"
    with run.hold(), pytest.raises(CheckpointError, match="no checkpoint yet") as caught:
        store.at(0)
    assert caught.value.hint == f"ganzoo ls --runs-dir {tmp_path}"


# --- pruning ---


def test_pruning_leaves_the_newest_and_the_protected(tmp_path: Path) -> None:
    store = filled(tmp_path, 1, 2, 3, 4, 5, keep=2)
    store.prune(protected={2, 77})
    assert store.steps() == [2, 4, 5]
    store.prune()
    assert store.steps() == [4, 5]


def test_keeping_fewer_than_two_checkpoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least two"):
        CheckpointStore(tmp_path, keep=1)


def test_an_incomplete_checkpoint_does_not_count_as_kept(tmp_path: Path) -> None:
    store = filled(tmp_path, 1, 2, 3, 4)
    (store.at(4).path / "state").write_bytes(b"cut")
    store.prune()
    assert store.steps() == [2, 3, 4]


def test_pruning_renames_a_checkpoint_before_it_removes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> None:
        (path / "state").unlink(missing_ok=True)
        raise OSError(errno.EIO, "pulled out")

    store = filled(tmp_path, 1, 2, 3)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", interrupted)
        with pytest.raises(OSError, match="pulled out"):
            store.prune()
    assert store.steps() == [2, 3]
    remove_leftovers(store.directory)
    assert names(store) == ["step-00000002", "step-00000003"]


def test_an_error_that_passes_while_a_checkpoint_is_pruned_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, errors = shutil.rmtree, [OSError(errno.EIO, "not now")]

    def once(path: Path) -> None:
        if errors:
            raise errors.pop()
        remove(path)

    store = filled(tmp_path, 1, 2, 3)
    monkeypatch.setattr("shutil.rmtree", once)
    store.prune()
    assert names(store) == ["step-00000002", "step-00000003"]


def test_cleaning_removes_leftovers_of_killed_saves_and_nothing_else(tmp_path: Path) -> None:
    store = filled(tmp_path, 1)
    (store.directory / ".tmp-2-abcd").mkdir()
    (store.directory / ".tmp-2-abcd" / "state").touch()
    (store.directory / "corrupt-00000009-abc").mkdir()
    remove_leftovers(store.directory)
    assert names(store) == ["corrupt-00000009-abc", "step-00000001"]


# --- a full disk (tests/reliability tries every fault at every point) ---


@pytest.mark.parametrize("point", ["publish.staged", "publish.written", "publish.before_rename"])
def test_a_full_disk_leaves_the_old_checkpoints_and_no_staging_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    store = filled(tmp_path, 1, 2)
    monkeypatch.setenv(faults.VARIABLE, f"{point}:enospc:*")
    with pytest.raises(NoRoom) as caught:
        store.publish(3, writer(3))
    assert caught.value.errno == errno.ENOSPC
    assert "no room to save step 3" in str(caught.value)
    assert names(store) == ["step-00000001", "step-00000002"]


FULL = """
import resource, signal, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.files import NoRoom

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = CheckpointStore(Path(sys.argv[1]))
weights = {"weight": torch.zeros(50_000)}
big = bytes(200_000)
writers = {
    "bytes": lambda path: (path / "w").write_bytes(big),
    "torch": lambda path: torch.save(weights, path / "w.pt"),
    "safetensors": lambda path: save_file(weights, path / "w.safetensors"),
}
store.publish(1, writers["torch"])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for name, write in writers.items():
    try:
        store.publish(2, write)
    except NoRoom:
        print(name)
print(store.newest().step, len(list(store.directory.iterdir())))
"""


@pytest.mark.skipif(os.name == "nt", reason="file size limits of POSIX")
def test_a_full_disk_is_recognised_in_the_errors_of_every_writer(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "c")], capture_output=True, text=True
    )
    assert result.stdout.split() == ["bytes", "torch", "safetensors", "1", "1"], result.stderr
