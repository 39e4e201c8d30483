"""How much memory a run needs over data that does not fit in it.

    python benchmarks/big_data.py [--count 100000] [--size 128] [--directory DIRECTORY] [--keep]

Writes that many PNG pictures, trains a tiny network on them as a stream for 50 steps, scores it by
FD, KID and precision/recall, and does so again, with the caches of the first run. It measures the
memory of all processes of a run once a second: the sum of their peaks of resident memory, which
the kernel records, and the peak of the sum of their proportional parts, where shared pages count
once. Time to start is from the start of the process, imports included, to the event `started`,
after which the first step follows. Linux only, because of `/proc`.
"""

import argparse
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from threading import Event, Thread
from time import perf_counter, time
from zlib import crc32

import numpy as np
from PIL import Image
from provenance import provenance

COLOURS, SQUARES, GRIDS = 16, 8, 64
"""A picture is a grid of squares of one colour each, so that its PNG is small."""

RUN = [
    "photos-dcgan", "dataset.mirror=false", "train.data=stream", "train.steps=50",
    "train.batch_size=16", "generator.width=8", "discriminator.width=8", "train.ema=null",
    "eval.extractor=toy-cnn", "eval.metrics=[kid, precision-recall]", "eval.samples=5000",
    "eval.final_samples=5000", "eval.every_steps=50", "train.sample_every_steps=50",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--directory", type=Path, help="of the pictures; default: a temporary one")
    parser.add_argument("--keep", action="store_true", help="do not delete the pictures")
    given = parser.parse_args()
    directory = given.directory or Path(tempfile.mkdtemp(prefix="ganzoo-big-data-"))
    try:
        pictures = directory / "pictures"
        if not pictures.is_dir():
            write(pictures, given.count, given.size)
        decoded = given.count * 3 * given.size**2 / 2**30
        print(f"{provenance('torch', 'pillow', 'numpy')}")
        print(f"{given.count} pictures of {given.size}x{given.size}, {decoded:.2f} GiB decoded\n")
        print("| run | MiB resident | MiB proportional | s to start | s in all | processor s |")
        print("| :-- | --: | --: | --: | --: | --: |")
        for name in ("first", "second"):
            print(f"| {name} | {' | '.join(measured(directory, pictures, given.size))} |")
    finally:
        shutil.rmtree(directory / "runs", ignore_errors=True)
        if not given.keep:
            shutil.rmtree(directory)


def write(folder: Path, count: int, size: int) -> None:
    """Write PNG pictures: palettes that differ, for one of `GRIDS` grids of colours."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    grids = [_parts(random.integers(0, COLOURS, (SQUARES, SQUARES)), size) for _ in range(GRIDS)]
    for index in range(count):
        before, after = grids[index % GRIDS]
        palette = b"PLTE" + random.bytes(3 * COLOURS)
        chunk = struct.pack(">I", 3 * COLOURS) + palette + struct.pack(">I", crc32(palette))
        (folder / f"{index:08d}.png").write_bytes(before + chunk + after)


def _parts(grid: np.ndarray, size: int) -> tuple[bytes, bytes]:
    """Return the bytes of a PNG of this grid before and after its palette."""
    image = Image.fromarray(grid.astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
    image.putpalette(bytes(3 * COLOURS))
    stream = io.BytesIO()
    image.save(stream, "PNG", bits=4)
    content = stream.getvalue()
    place = content.index(b"PLTE") - 4
    return content[:place], content[place + 12 + 3 * COLOURS :]


def measured(directory: Path, pictures: Path, size: int) -> list[str]:
    """Return the measured numbers of one run, as text."""
    runs, cache = directory / "runs", directory / "cache"
    shutil.rmtree(runs, ignore_errors=True)
    data = [f"dataset.path={pictures}", f"dataset.size={size}"]
    command = [sys.executable, "-m", "ganzoo", "run", *RUN, *data, "--runs-dir", str(runs)]
    environment = os.environ | {"GANZOO_CACHE": str(cache), "TMPDIR": str(directory)}
    before, began, clock = used(), time(), perf_counter()
    log = directory / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        peaks, ended = [0, 0], Event()
        watcher = Thread(target=watch, args=(process.pid, peaks, ended))
        watcher.start()
        process.wait()
        ended.set()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"exit {process.returncode}:\n{log.read_text()}")
    seconds, worked = perf_counter() - clock, used() - before
    [events] = runs.glob("*/events.jsonl")
    [started] = [e for e in map(json.loads, events.open()) if e["event"] == "started"]
    waited = datetime.fromisoformat(started["time"]).timestamp() - began
    memory = [f"{peak / 1024:.0f}" for peak in peaks]
    return [*memory, f"{waited:.1f}", f"{seconds:.0f}", f"{worked:.0f}"]


def used() -> float:
    """Return the processor seconds of all ended children."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def watch(process: int, peaks: list[int], ended: Event) -> None:
    """Keep the sum of the peaks of a process and its children, and the peak of their sum, in KiB.

    The first counts shared pages once for each process, so it is an upper bound.
    """
    resident: dict[int, int] = {}
    while not ended.wait(1):
        proportional = 0
        for each in family(process):
            try:
                found = _numbers(each, "status") | _numbers(each, "smaps_rollup")
            except OSError:
                continue
            resident[each] = found.get("VmHWM", 0)
            proportional += found.get("Pss", 0)
        peaks[:] = sum(resident.values()), max(peaks[1], proportional)


def _numbers(process: int, file: str) -> dict[str, int]:
    """Return the lines ``NAME: NUMBER kB`` of a file in `/proc`."""
    lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}


def family(process: int) -> list[int]:
    """Return a process and all that descend from it."""
    try:
        threads = Path(f"/proc/{process}/task").iterdir()
        children = [int(c) for t in threads for c in (t / "children").read_text().split()]
    except OSError:
        return []
    return [process, *(each for child in children for each in family(child))]


if __name__ == "__main__":
    main()
