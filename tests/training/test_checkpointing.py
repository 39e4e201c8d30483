"""When checkpoints are saved, and full disks and lost workers during a run."""

import errno
import multiprocessing
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ganzoo.components.build import build
from ganzoo.components.fit import fit
from ganzoo.errors import DeviceError, DiskFull, OutOfMemory
from ganzoo.recipes.lock import read_lock
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step, require_fit
from ganzoo.training.callbacks import Reporter, Reporters
from ganzoo.training.checkpointing import MAX_FULL_DISKS, CheckpointManager
from ganzoo.training.ending import _WORKER_GONE, hint_smaller_batch
from ganzoo.training.launch import Options, resume, train_run
from ganzoo.training.player import Player
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

from .recipes import SMALL, small_plan

TINY = {
    "generator": {"use": "mlp", "width": 4, "depth": 1},
    "discriminator": {"use": "mlp", "width": 4, "depth": 1},
}


@pytest.fixture
def manager(tmp_path: Path) -> CheckpointManager:
    directory = RunDirectory.create(tmp_path / "runs", "small", 0)
    store = CheckpointStore(directory.checkpoints_directory)
    return CheckpointManager(store, directory, Processes(CPU), Reporters([]))


@pytest.fixture
def step(tmp_path: Path) -> GanStep:
    return make_step(small_plan(tmp_path, TINY), Processes(CPU))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the disk full, or free it again."""

    def set_to(is_full: bool) -> None:
        def refuse(*anything: Any, **how: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.undo()
        if is_full:
            monkeypatch.setattr("ganzoo.training.checkpointing.write_state", refuse)

    return set_to


def saves(directory: RunDirectory) -> list[int]:
    return [event["step"] for event in directory.events() if event["event"] == "saved"]


def test_a_step_is_saved_once_however_often_it_is_due(
    manager: CheckpointManager, step: GanStep
) -> None:
    assert manager.save(step)
    assert manager.save(step, needed=True)
    assert saves(manager.directory) == [0]


def test_a_full_disk_is_survived_but_not_three_times_in_a_row(
    manager: CheckpointManager, step: GanStep, full_disk: Any
) -> None:
    manager.save(step)
    full_disk(True)
    for step.iteration in range(1, MAX_FULL_DISKS):
        assert not manager.save(step)
    full_disk(False)
    step.iteration = 10
    assert manager.save(step)
    full_disk(True)
    for step.iteration in range(11, 10 + MAX_FULL_DISKS):
        assert not manager.save(step)
    step.iteration = 20
    with pytest.raises(DiskFull, match=r"save step 20: .*, 3 times in a row; the newest checkp"):
        manager.save(step)
    assert manager.store.steps() == [0, 10]


def test_a_needed_checkpoint_is_never_skipped(
    manager: CheckpointManager, step: GanStep, full_disk: Any
) -> None:
    full_disk(True)
    assert not manager.save(step)
    with pytest.raises(
        DiskFull, match=r"no room to save step 0: .*; there is none before"
    ) as caught:
        manager.save(step, needed=True)
    assert str(caught.value.hint).startswith(f"ganzoo resume {manager.directory.path}")


@pytest.mark.slow
def test_an_evaluation_that_is_also_a_save_publishes_one_checkpoint(tmp_path: Path) -> None:
    cadence = {"train.save_every_steps": 2, "eval": {"every_steps": 2, "samples": 64}}
    options = Options(runs_directory=tmp_path / "runs")
    directory = train_run(small_plan(tmp_path, TINY | cadence), options)
    assert saves(directory) == [2, 4, 6]
    resume(directory, [], options)
    assert saves(directory) == [2, 4, 6]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="file size limits of POSIX")
def test_a_run_whose_files_cannot_grow_ends_with_disk_full(tmp_path: Path) -> None:
    train = {"steps": 10, "batch_size": 16, "save_every_steps": 2, "on_collapse": "ignore"}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL | {"train": train}))
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "run", "small.yaml"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000)),
        timeout=600,
    )
    assert done.returncode == 7, done.stderr
    assert done.stderr.count("going on without this checkpoint") == MAX_FULL_DISKS - 1
    assert "3 times in a row; there is none before" in done.stderr
    assert "try: ganzoo resume small-s0-" in done.stderr
    assert "Traceback" not in done.stderr


# What torch says on a CPU is no OutOfMemoryError of its: copied from torch 2.13, with 1 GB allowed.
NO_MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "cpu": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 1638400000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "numpy": MemoryError("Unable to allocate 2.00 GiB for an array"),
}


@pytest.mark.parametrize("kind", NO_MEMORY)
def test_out_of_memory_hints_at_half_the_batch_at_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*anything: Any, **how: Any) -> None:
        raise NO_MEMORY[kind]

    monkeypatch.setattr(Player, "finish_gradients", refuse)
    with pytest.raises(OutOfMemory, match=r"^out of memory: .*allocate") as caught:
        train_run(small_plan(tmp_path, TINY), Options(runs_directory=tmp_path / "runs"))
    (directory,) = RunDirectory.all(tmp_path / "runs")
    assert str(caught.value.hint).endswith("recipe.lock.yaml train.micro_batch=8")
    assert read_lock(directory.lock_file)["train"]["micro_batch"] is None


@pytest.mark.parametrize(
    ("overrides", "world_size", "less"),
    [
        ({}, 1, "train.micro_batch=8"),
        ({}, 2, "train.micro_batch=4"),  # 8 is what each of them computes already
        ({"train.micro_batch": 4}, 2, "train.micro_batch=2"),
        ({"train.micro_batch": 1}, 1, None),
        ({"train.batch_size": 15}, 1, "train.micro_batch=5"),
        ({"discriminator.spectral_norm": False}, 1, "train.batch_size=8"),
        ({"discriminator.spectral_norm": False, "train.batch_size": 6}, 2, "train.batch_size=2"),
        ({"discriminator.spectral_norm": False, "train.batch_size": 2}, 2, None),
        ({"train.batch_norm": "synced"}, 2, "train.batch_size=8"),
    ],
)
def test_the_out_of_memory_hint_is_smaller_and_never_refused(
    overrides: dict[str, Any], world_size: int, less: str | None, tmp_path: Path
) -> None:
    plan = small_plan(tmp_path, overrides)
    assert hint_smaller_batch(plan, world_size) == less
    if less:
        key, _, value = less.partition("=")
        made = small_plan(tmp_path, overrides | {key: int(value)})
        fit(made, build(made))
        require_fit(made, Processes(CPU, 0, world_size))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_data_worker_ends_the_run_with_the_command_to_resume(
    tmp_path: Path,
) -> None:
    class Killer(Reporter):
        def stepped(self, *given: Any) -> None:
            for reader in multiprocessing.active_children():
                reader.kill()

    plan = small_plan(tmp_path, TINY | {"train.data": "stream", "train.steps": 1000})
    options = Options(runs_directory=tmp_path / "runs", reporter=Killer())
    with pytest.raises(DeviceError, match="that reads the data was ended from outside") as caught:
        train_run(plan, options)
    (directory,) = RunDirectory.all(tmp_path / "runs")
    assert caught.value.hint == f"ganzoo resume {directory.path}"
    assert directory.events()[-1]["exit_code"] == 9


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "Connection refused"), EOFError()])
def test_a_data_worker_that_ends_while_it_hands_over_a_batch_is_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*given: Any, **named: Any) -> None:
        raise error

    loading = torch.utils.data.dataloader._MultiProcessingDataLoaderIter
    monkeypatch.setattr(loading, "_try_get_data", broken)
    plan = small_plan(tmp_path, TINY | {"train.data": "stream", "train.workers": 1})
    options = Options(runs_directory=tmp_path / "runs")
    with pytest.raises(DeviceError, match="that reads the data was ended from outside"):
        train_run(plan, options)


@pytest.mark.parametrize(
    "words",
    [
        "DataLoader worker (pid 2681) is killed by signal: Killed. ",
        "DataLoader worker (pid(s) 2681, 2682) exited unexpectedly",
    ],
)
def test_every_message_of_torch_about_a_lost_worker_is_recognised(words: str) -> None:
    assert _WORKER_GONE.match(words)
