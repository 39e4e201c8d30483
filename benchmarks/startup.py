"""Startup time of the command line.

    python benchmarks/startup.py [--times 21]

Each command runs once to warm the disk cache and the bytecode, then `--times` times, in turns. The
median is reported. On a busy machine, the processor time tells how long an idle one would take.
tests/test_floors.py checks that neither command imports torch.
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
    """Return wall-clock and processor milliseconds of one run of the installed command."""
    ganzoo = Path(sys.executable).with_name("ganzoo")
    before, started = getrusage(RUSAGE_CHILDREN), perf_counter()
    subprocess.run([ganzoo, *command.split()], check=True, capture_output=True)
    waited, after = perf_counter() - started, getrusage(RUSAGE_CHILDREN)
    worked = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return waited * 1000, worked * 1000


def provenance() -> str:
    """Return date, versions, processor and load."""
    versions = f"ganzoo {version('ganzoo-core')}, Python {platform.python_version()}"
    load = os.getloadavg()[0]
    return f"{date.today()}, {versions}, {processor()}, {os.cpu_count()} cores, load {load:.1f}"


def processor() -> str:
    """Return the processor's name from Linux, or else from Python."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
