"""Whole runs on a GPU: resumed bit for bit, and scored as on a CPU."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import ganzoo
from ganzoo.runs.checkpoints import CheckpointStore

RECIPE: dict[str, Any] = {
    "train.steps": 60,
    "train.save_every_steps": 20,
    "train.deterministic": True,
    "eval.every_steps": 60,
    "eval.samples": 64,
}


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "ganzoo", *words, "--runs-dir", str(folder)]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_killed_run_ends_bit_for_bit_as_a_straight_one(tmp_path: Path, precision: str) -> None:
    overrides = RECIPE | {"train.precision": precision}
    straight = ganzoo.run("digits-dcgan-hinge", overrides, runs_directory=tmp_path / "straight")
    words = [f"{key}={str(value).lower()}" for key, value in overrides.items()]
    folder = tmp_path / "killed"
    process = subprocess.Popen(command(folder, "run", "digits-dcgan-hinge", *words))
    while not list(folder.glob("*/checkpoints/step-*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (path,) = folder.glob("[!.]*")
    subprocess.run([sys.executable, "-m", "ganzoo", "resume", str(path)], check=True)
    ends = [CheckpointStore(each / "checkpoints").at(60).path for each in (straight.path, path)]
    for name in ("generator", "discriminator", "ema"):
        a, b = (load_file(end / f"{name}.safetensors") for end in ends)
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_checkpoint_scores_on_a_gpu_as_on_a_cpu(tmp_path: Path) -> None:
    run = ganzoo.run("digits-dcgan-hinge", RECIPE, runs_directory=tmp_path)
    here = [each.value for each in run.scores if each.sampling.selected == "final"][-1]
    environment = {"CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(
        [sys.executable, "-m", "ganzoo", "score", str(run.path)],
        check=True,
        env=os.environ | environment,
    )
    there = ganzoo.load(str(run.path)).scores[-1].value
    assert math.isclose(here, there, rel_tol=1e-3)
