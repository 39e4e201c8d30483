"""Two gloo processes follow one: same global batch, same noise, same order of data."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .recipes import small_recipe

NO_BATCH_NORM = [
    "generator={use: mlp, width: 16, batch_norm: false}",
    "discriminator={use: mlp, width: 16}",
    "train.log_every_steps=1",
]


def launch(tmp_path: Path, processes: int, *words: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "ganzoo", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["hinge", "wgan-gp"])
def test_two_processes_follow_one(tmp_path: Path, loss: str) -> None:
    recipe = str(small_recipe(tmp_path))
    for processes in (1, 2):
        words = ["run", recipe, f"loss={loss}", *NO_BATCH_NORM, "--name", f"p{processes}"]
        done = launch(tmp_path, processes, *words, "--expect-processes", str(processes))
        assert done.returncode == 0, done.stderr
    one, two = (rows(next((tmp_path / "runs").glob(f"p{n}-*"))) for n in (1, 2))
    assert len(one) == len(two) == 6
    for alone, together in zip(one, two, strict=True):
        for name in (key for key in alone if key[:2] in ("d/", "g/")):
            assert together[name] == pytest.approx(alone[name], rel=1e-3, abs=1e-4)


@pytest.mark.slow
def test_another_number_of_processes_than_expected_is_refused(tmp_path: Path) -> None:
    done = launch(tmp_path, 1, "run", str(small_recipe(tmp_path)), "--expect-processes", "2")
    assert done.returncode == 9
    assert "2 processes were asked for, but the launcher started 1" in done.stderr
    assert "try: torchrun --nproc-per-node 2" in done.stderr
    assert not (tmp_path / "runs").exists()
