"""How long a command line waits before it says anything.

    python benchmarks/startup.py [--times 21]

Each command is run once to warm the disk cache and the bytecode, then as often as asked, in turns.
The median is what a user meets; the least is what the machine could do had it nothing else to do.
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
from time import perf_counter

TARGETS_MS = {"--help": 150, "list generators": 600}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=21)
    times = parser.parse_args().times
    for command in TARGETS_MS:
        milliseconds(command)
    measured: dict[str, list[float]] = {command: [] for command in TARGETS_MS}
    for _ in range(times):
        for command, found in measured.items():
            found.append(milliseconds(command))
    print(f"{provenance()}, {times} times each\n")
    print(f"{'command':24}  median ms  least ms  target ms")
    for command, found in measured.items():
        row = (statistics.median(found), min(found), TARGETS_MS[command])
        print(f"{'ganzoo ' + command:24}  {row[0]:9.0f}  {row[1]:8.0f}  {row[2]:9}")


def milliseconds(command: str) -> float:
    """Return how long the installed command runs, from its start as a process to its end."""
    ganzoo = Path(sys.executable).with_name("ganzoo")
    started = perf_counter()
    subprocess.run([ganzoo, *command.split()], check=True, capture_output=True)
    return (perf_counter() - started) * 1000


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
