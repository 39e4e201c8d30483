"""Dummy checkpoint files for tests, and a short scripted life of a run directory."""

import os
from collections.abc import Callable
from pathlib import Path

from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory


def content(step: int) -> dict[str, bytes]:
    """Return the files of a checkpoint by name: a pure function of the step."""
    return {"generator": b"g%d" % step * 50, "state": bytes(range(256)) * step}


def writer(step: int) -> Callable[[Path], None]:
    """Return what `CheckpointStore.publish` calls to write `content`."""

    def write(directory: Path) -> None:
        for name, data in content(step).items():
            (directory / name).write_bytes(data)

    return write


def flip(path: Path, offset: int = 0) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def live(runs: Path, acknowledged: Path) -> None:
    """Begin a run; save, find damage, save again, prune. What is safe goes to a file at once."""

    def say(*steps: int) -> None:
        with acknowledged.open("a") as file:
            print(*steps, file=file)
            os.fsync(file.fileno())

    run = RunDirectory.create(runs, "life", 0)
    with run.hold():
        run.begin_attempt()
        store = CheckpointStore(run.checkpoints_directory)
        for step in (1, 2):
            store.publish(step, writer(step))
            say(step)
        flip(store.directory / "step-00000002" / "state")
        say(-2)
        found = store.newest()
        assert found is not None
        assert found.step == 1
        for step in (2, 3, 4):
            store.publish(step, writer(step))
            say(step)
            store.prune()
        run.write_info(steps=4)


def safe(acknowledged: Path) -> int:
    """Return the newest step that `live` said is safe and did not damage itself; 0: none yet."""
    if not acknowledged.exists():
        return 0
    words = [int(line) for line in acknowledged.read_text().split()]
    return max((step for i, step in enumerate(words) if -step not in words[i:]), default=0)
