"""ContraGAN's loss over two processes is that of one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ganzoo

from .runs import METHODS, terms

STEPS = 3


def played(folder: Path, processes: int) -> list[dict[str, float]]:
    """Return the terms of each step of ContraGAN's recipe on some processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    file = METHODS["contragan"]
    words = ["-m", "ganzoo", "run", str(file.with_suffix(".yaml")), f"train.steps={STEPS}"]
    words += ["train.log_every_steps=1", "--plugin", str(file)]
    command = [sys.executable, *(launcher if processes > 1 else []), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    folder.mkdir()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return terms(ganzoo.load("last", folder / "runs"))


@pytest.mark.slow
def test_contragan_on_two_processes_contrasts_the_samples_of_both(tmp_path: Path) -> None:
    one, two = played(tmp_path / "one", 1), played(tmp_path / "two", 2)
    assert len(one) == len(two) == STEPS
    for ours, theirs in zip(two, one, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
