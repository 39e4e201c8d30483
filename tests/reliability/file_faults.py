"""Make every file call of a run and of its resume fail, one at a time; see what is lost.

    python -m tests.reliability.file_faults [--share 1]

The calls are those of Python, of safetensors (Rust) and of torch (C++) below one directory, which
holds the runs and the cache: `file_faults.c` is preloaded, counts them and makes one of them fail.
Every life is `ganzoo run … --resume auto` in a fork of this process, which has imported torch.
Needs Linux and a C compiler.

=======  ===================================================================
fault    what happens at the call
=======  ===================================================================
error    this call alone fails with EIO
broken   this call and every later one fail with EIO
full     the disk is full from this call on; of the data of a write half fits
kill     SIGKILL before the call; of the data of a write half is written
=======  ===================================================================
"""

import argparse
import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_suffix(".c")
LOOKS, CHANGES, GROWS = 1, 2, 6
ACTIONS = {"error": 1, "broken": 2, "full": 3, "kill": 4}
"""Fault → its number in `file_faults.c`; the kinds of calls it is tried at are in `fitting`."""

ENDS = {0, 2, 4, 5, 7}
"""Exit codes of a life with a failing call: the fault was tolerated, or named in one line."""

WORDS = ["gaussians-mlp", "dataset.length=600", "generator={use: mlp, width: 4, depth: 1}",
         "discriminator={use: mlp, width: 4, depth: 1}", "train.batch_size=4",
         "train.log_every_steps=2", "train.save_every_steps=1", "train.sample_every_steps=4",
         "eval.every_steps=2", "eval.samples=50", "eval.final_samples=50",
         "eval.metrics=[]"]  # fmt: skip
HALF, WHOLE = 2, 4
"""Steps of the first life and of both."""


class Call(NamedTuple):
    """One call: its number in its life, its kind, the function and the file."""

    number: int
    kind: int
    name: str
    path: str


class Case(NamedTuple):
    """A call that failed: in which life, how, and what came of it."""

    life: str
    call: Call
    fault: str
    ended: int
    wrong: str | None
    """What should not have happened, in words."""


def preloaded(folder: Path) -> dict[str, str]:
    """Compile `file_faults.c` into a folder; return the environment that preloads it."""
    library = folder / "faults.so"
    compiler = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(compiler, check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"}


def fitting(call: Call) -> Iterator[str]:
    """Yield the faults to try at a call: one that only looks finds no full disk, for instance."""
    yield "error"
    if call.kind != LOOKS:
        yield from ("broken", "kill")
    if call.kind == GROWS:
        yield "full"


def life(place: Path, steps: int, call: int = 0, fault: str = "", record: int = -1) -> int:
    """Train in a fork up to a step; return its exit code, or minus the signal.

    What it prints on stderr is in ``words`` inside `place`, and is not counted.
    """
    pid = os.fork()
    if pid == 0:
        words = os.open(place / "words", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(words, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        area = place / "area"
        os.environ["GANZOO_CACHE"] = str(area / "cache")
        code = errno.ENOSPC if fault == "full" else errno.EIO
        ctypes.CDLL(None).faults_begin(
            os.fsencode(area), ctypes.c_long(call), ACTIONS.get(fault, 0), code, record
        )
        os._exit(ganzoo(place, steps))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ganzoo(place: Path, steps: int) -> int:
    """Run the command of every life in this process; return its exit code."""
    from ganzoo.cli import main

    runs = ["--resume", "auto", "--runs-dir", str(place / "area" / "runs")]
    return main(["run", *WORDS, f"train.steps={steps}", *runs])


def calls_of(place: Path, steps: int) -> list[Call]:
    """Return the calls of an undisturbed life, which must end well."""
    with tempfile.TemporaryFile("w+") as record:
        ended = life(place, steps, record=record.fileno())
        assert ended == 0, (place / "words").read_text()
        record.seek(0)
        lines = [line.rstrip("\n").split("\t") for line in record]
    return [Call(int(n), int(kind), name, path) for n, kind, name, path in lines]


def import_what_a_run_imports(place: Path) -> None:
    """Import what a first life imports, once for all forks.

    A fork that lives finds out, because a process that has used autograd cannot fork.
    """
    names = place / "modules"
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.dup2(2, 1)
        code = ganzoo(place, HALF)
        names.write_text("\n".join(sys.modules))
        os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    for name in names.read_text().split():
        with suppress(Exception):
            import_module(name)


def wrong(place: Path, fault: str, ended: int, straight: Path) -> str | None:
    """Return what should not be after a life with a fault, and after the next one; None: nothing.

    Args:
        straight: the last checkpoint of an undisturbed run.
    """
    from .soak import acknowledged, survived
    from .tiny import differing

    runs, said = place / "area" / "runs", (place / "words").read_text(errors="replace")
    if fault == "kill":
        if ended != -signal.SIGKILL:
            return f"ended with {ended}"
    elif ended not in ENDS or "Traceback" in said or (ended in (2, 7) and "try: " not in said):
        return f"ended with {ended}: {said[-2000:]}"
    try:
        survived(runs)
    except Exception as error:
        return f"acknowledged, and not there: {error}"
    again = life(place, WHOLE)
    said = (place / "words").read_text(errors="replace")
    if again != 0:
        return f"the next life ended with {again}: {said[-2000:]}"
    run = acknowledged(runs)[1]
    if run is None or not (run.checkpoints_directory / straight.name).exists():
        return f"the next life did not save step {WHOLE}"
    if run.status() != "finished":
        return f"the next life left a run that is {run.status()}"
    if others := [path.name for path in runs.iterdir() if path not in (run.path, runs / ".lock")]:
        return f"beside the run there are {others}"
    if left := [str(path) for path in runs.rglob("*") if path.name.startswith((".tmp", ".mode"))]:
        return f"left over: {left}"
    if run.damaged() and fault != "kill":
        return f"damaged records: {run.damaged()}"
    if different := differing(run.checkpoints_directory / straight.name, straight):
        return f"differs in {different}"
    return None


def cases(folder: Path, share: int = 1) -> Iterator[Case]:
    """Yield every case, or one of each `share`; runs and caches are in `folder`, below the calls.

    The first life begins a run, the second resumes it.
    """
    from .soak import acknowledged

    begun, whole = folder / "begun", folder / "whole"
    for place in (begun, whole):
        (place / "area").mkdir(parents=True)
    import_what_a_run_imports(whole)
    assert life(whole, WHOLE) == 0
    run = acknowledged(whole / "area" / "runs")[1]
    assert run is not None
    straight = run.checkpoints_directory / f"step-{WHOLE:08d}"
    first = calls_of(begun, HALF)
    kept = shutil.copytree(begun, folder / "kept")
    second = calls_of(kept, WHOLE)
    lives = [("run", HALF, None, first), ("resume", WHOLE, begun, second)]
    turn = 0
    for name, steps, before, calls in lives:
        for call in calls:
            for fault in fitting(call):
                turn += 1
                if turn % share:
                    continue
                place = folder / "case"
                if before:
                    shutil.copytree(before, place)
                else:
                    (place / "area").mkdir(parents=True)
                ended = life(place, steps, call.number, fault)
                found = wrong(place, fault, ended, straight)
                shutil.rmtree(place)
                yield Case(name, call, fault, ended, found)


def summary(done: Sequence[Case]) -> str:
    """Return the figures of docs/reliability.md, as one line."""
    ends = Counter("killed" if case.ended < 0 else f"exit {case.ended}" for case in done)
    calls = len({(case.life, case.call.number) for case in done})
    words = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    bad = sum(case.wrong is not None for case in done)
    verdict = f"{bad} WRONG" if bad else "nothing lost"
    what = f"{len(done)} faults at {calls} file calls of a run and its resume"
    return f"{date.today()}  {what}: {words}; {verdict}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=int, default=1, help="try one of this many faults")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganzoo-faults-") as folder:
        if not hasattr(ctypes.CDLL(None), "faults_begin"):
            again = [sys.executable, "-m", "tests.reliability.file_faults", *sys.argv[1:]]
            return subprocess.run(again, env=preloaded(Path(folder))).returncode
        done = []
        for case in cases(Path(folder), given.share):
            done.append(case)
            if case.wrong:
                print(f"{case.life} {case.call} {case.fault}: {case.wrong}", flush=True)
        print(summary(done))
    return 1 if any(case.wrong for case in done) else 0


if __name__ == "__main__":
    sys.exit(main())
