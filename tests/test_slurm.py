"""The array script of docs/slurm.md under a scheduler that takes the time away and requeues."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

DOCUMENT = Path(__file__).parents[1] / "docs" / "slurm.md"
OVERRIDES = (
    "train.steps=60 train.save_every_steps=50 train.log_every_steps=5 eval.extractor=null "
    "generator.width=8 discriminator.width=8"
)

pytestmark = pytest.mark.slow


class Scheduler:
    """Runs a batch script; `srun` and `scontrol` are its own, and leave word in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder, folder / "tools"
        self.tools.mkdir()
        self.tool("srun", f'echo $$ > "{folder}/step.pid"\nexec "$@"')
        self.tool("scontrol", f'echo "$@" >> "{folder}/requeued"')
        self.tool("ganzoo", f'exec "{sys.executable}" -m ganzoo "$@"')

    def tool(self, name: str, text: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def start(self, script: Path) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
            "SLURM_ARRAY_JOB_ID": "77",
            "SLURM_ARRAY_TASK_ID": "1",
            "RECIPE": "digits-dcgan-hinge",
            "OVERRIDES": OVERRIDES,
        }
        with (self.folder / "stderr").open("ab") as stderr:
            return subprocess.Popen(
                ["bash", str(script)],
                cwd=self.folder,
                env=os.environ | environment,
                stderr=stderr,
                stdout=subprocess.DEVNULL,
            )

    def requeued(self) -> list[str]:
        path = self.folder / "requeued"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_rows(self, count: int, process: subprocess.Popen[bytes]) -> None:
        """Wait until the run has logged so many rows."""
        for _ in range(2400):
            logs = list(self.folder.glob("runs/*/metrics.jsonl"))
            if logs and len(logs[0].read_text().splitlines()) >= count:
                return
            assert process.poll() is None, (self.folder / "stderr").read_text()
            time.sleep(0.05)
        pytest.fail("the run never came so far")


def test_a_task_that_is_requeued_until_it_is_finished_equals_one_that_was_never_stopped(
    tmp_path: Path,
) -> None:
    script = tmp_path / "array.sh"
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (text,) = (each for each in blocks if "#SBATCH --array" in each)
    script.write_text(text)
    assert "--signal=USR1@120" in script.read_text()
    assert "--requeue" in script.read_text()
    scheduler = Scheduler(tmp_path)

    for time_is_up_after in (2, 6):
        process = scheduler.start(script)
        scheduler.wait_for_rows(time_is_up_after, process)
        os.kill(int((tmp_path / "step.pid").read_text()), signal.SIGUSR1)
        assert process.wait(timeout=120) == 75, (tmp_path / "stderr").read_text()
    assert scheduler.requeued() == ["requeue 77_1", "requeue 77_1"]

    assert scheduler.start(script).wait(timeout=120) == 0, (tmp_path / "stderr").read_text()
    assert len(scheduler.requeued()) == 2
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())

    words = ["-m", "ganzoo", "run", "digits-dcgan-hinge", "seed=1", *OVERRIDES.split()]
    subprocess.run(
        [sys.executable, *words, "--runs-dir", "straight"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    (straight,) = (tmp_path / "straight").glob("[!.]*")
    for name in ("generator", "discriminator", "ema"):
        file = f"checkpoints/step-00000060/{name}.safetensors"
        stopped, whole = load_file(run / file), load_file(straight / file)
        assert all(torch.equal(stopped[key], whole[key]) for key in whole)
