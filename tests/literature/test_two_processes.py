"""ContraGAN's loss over two processes is that of one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ganzoo

METHODS = Path(__file__).parent / "methods"
STEPS = 3


def terms(folder: Path, processes: int) -> list[dict[str, float]]:
    """Return the terms of each step of ContraGAN's recipe on some processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    words = ["-m", "ganzoo", "run", str(METHODS / "contragan.yaml"), f"train.steps={STEPS}"]
    words += ["train.log_every_steps=1", "--plugin", str(METHODS / "contragan.py")]
    command = [sys.executable, *(launcher if processes > 1 else []), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    rows = ganzoo.load("last", folder / "runs").directory.metrics()
    return [{key: value for key, value in row.items() if key[:2] in ("d/", "g/")} for row in rows]


@pytest.mark.slow
def test_contragan_on_two_processes_contrasts_the_samples_of_both(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = terms(folders[0], 1), terms(folders[1], 2)
    assert len(one) == len(two) == STEPS
    for ours, theirs in zip(two, one, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
