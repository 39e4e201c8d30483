"""Every fault at every named point of a run's files; prints one JSON object per case.

    python -m tests.reliability.fault_matrix FOLDER

Every case runs in a fork of this process, which never imports torch, so a hundred of them take
seconds. Newly declared points are included automatically.
"""

import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path

import ganzoo.runs
from ganzoo.runs import faults
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import remove_leftovers

from .store_lifecycle import content, live, safe, writer

TURNS = (1, 2)
RAISED, FOREIGN = 3, 4
"""Exit codes of a child: the fault came out as what it is, or as something else."""


def points() -> list[str]:
    """Return every point that a module of `ganzoo.runs` declares."""
    for module in pkgutil.iter_modules(ganzoo.runs.__path__, "ganzoo.runs."):
        import_module(module.name)
    return sorted(faults.POINTS)


def lived(folder: Path, fault: str) -> int:
    """Return how a life ended in which a fault happened: an exit code, or minus a signal."""
    pid = os.fork()
    if pid == 0:
        os.environ[faults.VARIABLE] = fault
        code = FOREIGN
        try:
            live(folder / "runs", folder / "acknowledged")
            code = 0
        except (faults.InjectedFault, OSError):
            code = RAISED
        except Exception as error:
            code = getattr(error, "exit_code", FOREIGN)
            if code == FOREIGN:
                traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def lost(folder: Path) -> str | None:
    """Return what a life lost that it should not have, or cannot do any more; None: nothing."""
    runs = RunDirectory.all(folder / "runs")
    acknowledged = safe(folder / "acknowledged")
    if not runs:
        return f"step {acknowledged} with its run" if acknowledged else None
    (run,) = runs
    with run.hold():
        store = CheckpointStore(run.checkpoints_directory)
        remove_leftovers(store.directory)
        newest = store.newest()
        if (newest.step if newest else 0) < acknowledged:
            return f"step {acknowledged}; the newest is {newest and newest.step}"
        if newest and any(
            newest.file(name).read_bytes() != data for name, data in content(newest.step).items()
        ):
            return f"what step {newest.step} held"
        if store.publish(9, writer(9)) != store.newest():
            return "that it can go on"
        store.prune()
        if left := [path.name for path in store.directory.glob(".tmp-*")]:
            return f"its tidiness: {left}"
    return None if run.status() == "interrupted" else f"its status: {run.status()}"


def cases(folder: Path) -> Iterator[dict[str, object]]:
    for number, (point, action, turn) in enumerate(product(points(), faults.ACTIONS, TURNS)):
        place = folder / str(number)
        place.mkdir()
        ended = lived(place, f"{point}:{action}:{turn}")
        yield {"point": point, "action": action, "turn": turn, "ended": ended, "lost": lost(place)}


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # what is killed here is a process, not the machine
    for case in cases(Path(sys.argv[1])):
        print(json.dumps(case))
    sys.exit("torch" in sys.modules)
