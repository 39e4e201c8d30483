"""How long a command line waits before it says anything.

    python benchmarks/startup.py [--times 21]

Each command is run once to warm the disk cache and the bytecode, then as often as asked, in turns.
The median is what a user meets. The time that the processor spent on it says, on a machine that
other work shares, how long it would have taken on one that is idle.
That neither command imports torch is not measured here but tested, in tests/test_floors.py.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter

TARGETS_MS = {"--help": 150, "list generators": 600}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=21)
    times = parser.parse_args().times
    for command in TARGETS_MS:
        milliseconds(command)
    measured: dict[str, list[tuple[float, float]]] = {command: [] for command in TARGETS_MS}
    for _ in range(times):
        for command, found in measured.items():
            found.append(milliseconds(command))
    print(f"{provenance()}, {times} times each\n")
    print(f"{'command':24}  median ms  of processor ms  target ms")
    for command, found in measured.items():
        waited, worked = map(statistics.median, zip(*found, strict=True))
        print(f"{'ganzoo ' + command:24}  {waited:9.0f}  {worked:15.0f}  {TARGETS_MS[command]:9}")


def milliseconds(command: str) -> tuple[float, float]:
    """Return how long the installed command runs, by the clock and on the processor."""
    ganzoo = Path(sys.executable).with_name("ganzoo")
    before, started = getrusage(RUSAGE_CHILDREN), perf_counter()
    subprocess.run([ganzoo, *command.split()], check=True, capture_output=True)
    waited, after = perf_counter() - started, getrusage(RUSAGE_CHILDREN)
    worked = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return waited * 1000, worked * 1000


def provenance() -> str:
    """Return the date, the versions and the processor, and how busy it was."""
    versions = f"ganzoo {version('ganzoo')}, Python {platform.python_version()}"
    load = os.getloadavg()[0]
    return f"{date.today()}, {versions}, {processor()}, {os.cpu_count()} cores, load {load:.1f}"


def processor() -> str:
    """Return the processor's name as Linux knows it, or else Python."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
