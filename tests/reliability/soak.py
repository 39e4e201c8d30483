"""Kill a run repeatedly at random moments, and compare it with an uninterrupted run.

    python -m tests.reliability.soak [--kills 40] [--seed 0]

Every attempt is `ganzoo run … --resume auto` in a fork of this process, which has imported torch,
so that kills hit the run and not its imports. Prints one line per kill, then the result; exits with
1 if an acknowledged checkpoint is lost, or if the last one is not bit for bit that of the
uninterrupted run. Not part of `make test`: `make soak` runs it.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import ganzoo.training.rejoin  # noqa: F401 - imported once, before the forks
from ganzoo.cli import main as ganzoo_main
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.owner import owner_of

from .tiny import TINY, differing

CADENCE = ["train.save_every_steps=3", "train.sample_every_steps=60", "train.log_every_steps=20",
           "eval.every_steps=50"]  # fmt: skip
WITHOUT_END = 10**7
LONGEST_LIFE_SECONDS = 2.0
MORE_STEPS = 20
"""Number of steps after the last kill, until the run ends."""


def attempt(runs: Path, steps: int, seconds: float | None = None) -> int:
    """Run in a fork; return its exit code, or minus the signal.

    Args:
        seconds: to kill it after, counted from when it owns its run; None: let it end.
    """
    pid = os.fork()
    if pid == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        if seconds is not None:
            os.dup2(silent, 2)
        words = [*TINY, *CADENCE, f"train.steps={steps}", "--resume", "auto"]
        os._exit(ganzoo_main(["run", *words, "--runs-dir", str(runs)]))
    if seconds is not None:
        wait_until_it_owns_its_run(pid, runs)
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def wait_until_it_owns_its_run(pid: int, runs: Path) -> None:
    """Look, without touching any lock, whether a process has begun; give up after ten seconds."""
    for _ in range(1000):
        owners = [owner_of(run.path) for run in RunDirectory.all(runs)]
        if any(owner and owner.pid == pid for owner in owners):
            return
        time.sleep(0.01)


def acknowledged(runs: Path) -> tuple[int, RunDirectory | None]:
    """Return the newest step that any event says is saved, and the run; (0, None) if none is."""
    saved = [
        (int(event["step"]), run.name, run)
        for run in RunDirectory.all(runs)
        for event in run.events()
        if event["event"] == "saved"
    ]
    step, _, run = max(saved, key=lambda each: each[:2], default=(0, "", None))
    return step, run


def survived(runs: Path) -> tuple[int, str]:
    """Return the step that can be gone on from and what a kill left; look, and touch nothing.

    Raises:
        CheckpointError, AssertionError: what was acknowledged is not there, whole.
    """
    step, run = acknowledged(runs)
    if run is None:
        return 0, "nothing saved yet"
    store = CheckpointStore(run.checkpoints_directory)
    newest = store.at(store.steps()[-1]).step
    assert newest >= step, f"step {step} was acknowledged, {newest} is there"
    left = list(store.directory.glob(".tmp-*"))
    return newest, f"{len(left)} unfinished" if left else "clean"


def soak(folder: Path, kills: int, dice: random.Random) -> bool:
    """Kill, resume, compare; return whether the two runs ended alike."""
    killed, straight = folder / "killed", folder / "straight"
    for number in range(1, kills + 1):
        seconds = dice.uniform(0, LONGEST_LIFE_SECONDS)
        ended = attempt(killed, WITHOUT_END, seconds)
        step, left = survived(killed)
        print(f"kill {number:3}  after {seconds:4.2f} s  step {step:6}  {left}", flush=True)
        assert ended == -signal.SIGKILL, f"the run ended by itself: {ended}"
    steps = survived(killed)[0] + MORE_STEPS
    for runs in (killed, straight):
        assert attempt(runs, steps) == 0
    (one, other) = (_checkpoint(runs, steps) for runs in (killed, straight))
    different = differing(one, other)
    print(f"{date.today()}  {kills} kills, {steps} steps: ", end="")
    print(f"differs in {different}" if different else "bit for bit as the straight run")
    return not different


def _checkpoint(runs: Path, step: int) -> Path:
    run = acknowledged(runs)[1]
    assert run is not None
    return CheckpointStore(run.checkpoints_directory).at(step).path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganzoo-soak-") as folder:
        return 0 if soak(Path(folder), given.kills, random.Random(given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
