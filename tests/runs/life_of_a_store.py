"""A short life of a checkpoint store, which tests interrupt at every fault point.

Run as a script it prints, line by line, the steps that are safe: ``python life_of_a_store.py DIR``.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from ganzoo.runs.checkpoints import CheckpointStore


def content(step: int) -> dict[str, bytes]:
    return {"generator": b"g%d" % step * 50, "state": bytes(range(256)) * step}


def writer(step: int) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        for name, data in content(step).items():
            (directory / name).write_bytes(data)

    return write


def flip(path: Path, offset: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def live(directory: Path, say: Callable[[set[int]], object]) -> None:
    """Save, find damage, save again, prune; say what is safe as soon as it is."""
    store = CheckpointStore(directory)
    safe: set[int] = set()
    for step in (1, 2):
        store.publish(step, writer(step))
        say(safe := safe | {step})
    flip(directory / "step-00000002" / "state")
    say(safe := {1})
    found = store.newest()
    assert found is not None
    assert found.step == 1
    for step in (2, 3):
        store.publish(step, writer(step))
        say(safe := safe | {step})
        store.prune()


if __name__ == "__main__":
    live(Path(sys.argv[1]), lambda safe: print(*safe, flush=True))
