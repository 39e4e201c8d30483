"""The startup notes of a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from ganzoo.errors import DeviceError
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.networks import Compiled
from ganzoo.training.processes import Processes
from ganzoo.training.startup_notes import startup_notes

from .recipes import small_plan


def said(tmp_path: Path, overrides: dict[str, Any], world_size: int = 1) -> str:
    plan = small_plan(tmp_path, overrides)
    return "\n".join(startup_notes(plan, make_step(plan, Processes(CPU, 0, world_size))))


def test_an_ordinary_run_has_no_startup_notes(tmp_path: Path) -> None:
    assert said(tmp_path, {}) == ""


def test_batch_norm_over_several_processes_gets_a_note_and_its_absence_none(tmp_path: Path) -> None:
    assert "G's batch norm sees one process's share" in said(tmp_path, {}, world_size=2)
    plain = {"generator": {"use": "mlp", "batch_norm": False}, "discriminator": {"use": "mlp"}}
    assert said(tmp_path, plain, world_size=2) == ""


def test_synced_batch_norm_has_a_note_of_its_own(tmp_path: Path) -> None:
    synced = {"train.batch_norm": "synced"}
    assert said(tmp_path, synced, world_size=2).startswith("synced: batch norm in G sees the whole")
    assert "batch-coupled" not in said(tmp_path, synced, world_size=2)
    in_both = synced | {"discriminator.spectral_norm": False}
    assert said(tmp_path, in_both, world_size=2).startswith("synced: batch norm in G and D sees")
    assert said(tmp_path, synced) == ""


def test_batch_norm_under_micro_batches_gets_a_note(tmp_path: Path) -> None:
    assert said(tmp_path, {"train.micro_batch": 4}).startswith("batch norm in G sees micro-batches")


def test_a_compiled_d_that_stays_eager_under_a_penalty_gets_a_note(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, {"loss": "wgan-gp"})
    step = make_step(plan, Processes(CPU))
    compiled = Compiled(nn.Identity(), nn.Identity(), penalty=None)
    step.networks = replace(step.networks, compiled=compiled)
    (line,) = startup_notes(plan, step)
    assert line.startswith("D updates buffers in its forward pass")
    step.networks = replace(step.networks, compiled=replace(compiled, penalty=lambda x, y: (x, x)))
    assert startup_notes(plan, step) == []


def test_a_large_fp32_step_on_a_cpu_with_bfloat16_gets_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.training.startup_notes.bf16_is_fast", lambda device: True)
    plan = replace(small_plan(tmp_path), step_flops=1e11)
    step = make_step(plan, Processes(CPU))
    assert "train.precision=bf16" in "\n".join(startup_notes(plan, step))
    assert startup_notes(replace(plan, step_flops=1e6), step) == []


@pytest.mark.parametrize(
    ("precision", "fast", "line"),
    [
        ("bf16", False, "this CPU has no bfloat16: train.precision=fp32 is many times faster"),
        ("bf16", True, ""),
        ("fp16", False, "float16 is slow on a CPU: train.precision=fp32"),
        ("fp16", True, "float16 is slow on a CPU: train.precision=bf16 or fp32"),
        ("tf32", True, "train.precision: tf32 changes nothing here: the device is cpu"),
    ],
)
def test_a_precision_without_use_on_this_cpu_gets_a_note(
    precision: str, fast: bool, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.training.startup_notes.bf16_is_fast", lambda device: fast)
    assert said(tmp_path, {"train.precision": precision}) == line


def test_compiling_without_a_compiler_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(DeviceError, match=r"C\+\+ compiler") as refused:
        make_step(small_plan(tmp_path, {"train.compile": True}), Processes(CPU))
    assert refused.value.hint == "train.compile=false"
