"""How long a command takes to start.

    python benchmarks/startup.py [--times 21]

Runs each command once to warm the disk cache and the bytecode, then `--times` times in turns.
The median of wall time is what a user meets; on a machine that other work shares, processor time
shows how long an idle one would take. tests/test_floors.py checks that neither command imports
torch.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter

from provenance import provenance

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
    print(f"{'command':24}  median ms  processor ms  target ms")
    for command, found in measured.items():
        waited, worked = map(statistics.median, zip(*found, strict=True))
        print(f"{'ganzoo ' + command:24}  {waited:9.0f}  {worked:12.0f}  {TARGETS_MS[command]:9}")


def milliseconds(command: str) -> tuple[float, float]:
    """Return milliseconds of wall time and of processor time of the installed command."""
    ganzoo = Path(sys.executable).with_name("ganzoo")
    before, started = getrusage(RUSAGE_CHILDREN), perf_counter()
    subprocess.run([ganzoo, *command.split()], check=True, capture_output=True)
    waited, after = perf_counter() - started, getrusage(RUSAGE_CHILDREN)
    worked = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return waited * 1000, worked * 1000


if __name__ == "__main__":
    main()
