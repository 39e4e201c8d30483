"""Run the tests of every guarantee and write docs/reliability.md: results and dates.

    python -m tests.reliability.table [--soak LINE]

A row's result covers all its tests. `LINE` is the last line of `make soak`; without it the page
keeps the line that it has.
"""

import argparse
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
HERE, ZOO, RUNS = "tests/reliability/", "tests/zoo/", "tests/runs/"
RANKS = HERE + "test_ranks.py::"
SOAK = "Last `make soak`: "


class Row(NamedTuple):
    """A fault, the guarantee for it, and its tests: files, or file::function."""

    fault: str
    promise: str
    tests: list[str]


ROWS = [
    Row(
        "kill -9, SIGTERM, an error or a full disk at any named point of saving, publishing, "
        "pruning and loading",
        "what was acknowledged is there, equal, and the run can go on",
        [HERE + "test_fault_matrix.py"],
    ),
    Row(
        "any order of saves, crashes, damage, deletions by the user and second owners",
        "the resumed step is never older than the last acknowledged one that nobody damaged",
        [HERE + "test_store_machine.py"],
    ),
    Row(
        "a byte of any file of a checkpoint changed or cut",
        "the one before is loaded, equal, and the damaged file is named",
        [HERE + "test_corruption.py", RUNS + "test_checkpoints.py"],
    ),
    Row(
        "kill -9 at a random moment",
        "the resumed run ends bit for bit as a straight one",
        ["tests/test_end_to_end.py::test_a_run_killed_and_resumed_ends_with_the_straight_runs_weights"],
    ),
    Row(
        "a stop after the first step, in mid-epoch, at an epoch's end, after the last; one process "
        "and two; data in memory and streamed",
        "every tensor of every state is bit for bit that of the straight run, with EMA, lazy R1, "
        "a schedule and an augmentation that has state",
        [RANKS + "test_a_run_with_every_kind_of_state_resumes_bit_for_bit"],
    ),
    Row(
        "SIGTERM while training, drawing, reading real data, passing over it, scoring, saving; "
        "SIGINT, SIGUSR1; a time limit; any of these before the first step, or before the run",
        "one whole checkpoint, if there is anything to save; exit code 143, 130 or 75, the command "
        "to go on; no score is lost",
        [HERE + "test_signals.py"],
    ),
    Row(
        "a signal to one of two processes; resumed by one",
        "all stop with one checkpoint; the run goes on and says that it is not bit for bit",
        [RANKS + "test_a_signal_to_one_rank_saves_once_and_another_number_of_processes_resumes",
         RANKS + "test_a_signal_to_a_rank_that_reads_the_reference_stops_both"],
    ),
    Row(
        "an error, or kill -9, of one of two processes",
        "all end, with that error, written down by the one that had it; nobody hangs",
        [RANKS + "test_an_error_of_one_rank_ends_all_with_that_error",
         RANKS + "test_after_kill_9_of_one_rank_the_other_ends_and_the_run_can_be_resumed"],
    ),
    Row(
        "two commands on one run; a lock of another host",
        "exit code 6, naming pid, host and start; a dead owner's run can be had",
        [HERE + "test_owners.py"],
    ),
    Row(
        "a scheduler that takes the time away",
        "exit code 75 until the run is finished, equal to the straight run",
        ["tests/test_slurm.py"],
    ),
    Row(
        "a term, a gradient or a weight that is not finite",
        "stop, skip or rollback as the recipe says; the average stays finite, no such checkpoint "
        "is published, what the bad step saw is left in a file",
        ["tests/training/test_nonfinite.py"],
    ),
    Row(
        "a generator that is constant, of two samples, of two modes; twenty healthy runs",
        "the first three trip the watch within one evaluation, the last never do",
        ["tests/training/test_collapse.py"],
    ),
    Row(
        "a full disk while saving, memory that does not do",
        "the old checkpoint is kept, three in a row end the run; the exact overrides to try",
        ["tests/training/test_checkpointing.py"],
    ),
    Row(
        "a full disk at the last checkpoint, one that cannot be removed, a best one that is lost",
        "a run without its last checkpoint is not called finished; the rest are notes",
        [HERE + "test_final_checkpoint.py"],
    ),
    Row(
        "a directory that cannot be written, odd names, `LC_ALL=C`, a clock that goes back",
        "said in one line, or no difference",
        [HERE + "test_environments.py"],
    ),
    Row(
        "cut, empty, mistyped, huge pictures; 100,000 of them; bombs and traversal in zips; links",
        "named before training, skipped up to 1 % when asked for, nothing written outside",
        [HERE + "test_untrusted_images.py", ZOO + "test_folder_damage.py",
         ZOO + "test_folder_zip.py", ZOO + "test_folder.py"],
    ),
    Row(
        "code in files: in every slot of a checkpoint with a forged manifest, every record of a "
        "run, pictures, npz, recipes",
        "none of it runs: an error of one line; no module uses pickle, eval, exec or an "
        "open-ended load",
        [HERE + "test_hostile_files.py", "tests/test_no_code_from_files.py"],
    ),
    Row(
        "a broken plugin, a library that cannot be imported, no room, no right to write, no locks",
        "`ganzoo doctor` says it, and its exit code is that of the first thing that is wrong",
        ["tests/training/test_doctor.py"],
    ),
]  # fmt: skip

HEAD = """# What a run survives

Each guarantee, with the tests that check it. `python -m tests.reliability.table` runs them and
writes this page; `make soak` is the long test.

| fault | guarantee | tests | last result |
|---|---|---|---|
"""

TAIL = """
The soak kills a run with SIGKILL 40 times at random moments, goes on with it each time, and holds
everything in its last checkpoint against that of a run that nobody touched.

## How far it goes

- *Two processes* are two on one CPU, over gloo. What NCCL says of a lost
  process was never seen here: the words that it is known by are untried.
- *Streamed* data comes from two worker processes, data in memory from none: there is no third way.
- A signal *before Python has begun* with `ganzoo` (some 20 milliseconds) ends the process as any
  other: SIGUSR1 with 138, not 75. One that comes while several processes wait for each other to
  start is seen when they have.
- Of *several processes* that read data into memory none stops before the first step; then all do.
- The *time limit* is looked at between steps and batches, not while a data set reads itself in one
  piece. A metric that computes for long is waited for.
- 100,000 pictures of 8x8 pixels in ten folders, three of them damaged, were tried by hand on
  2026-11-27, on two cores that other work kept busy: listed in 1.8 seconds of processor time, all
  decoded in 83 seconds by the clock, the three named; looked at again in 4 seconds.

## What was not tried

Power loss (files are synced, but nobody pulled a plug), network file systems, a GPU that is lost or
runs out of memory in earnest, Windows, macOS.
"""


def outcomes(tests: list[str]) -> dict[str, tuple[int, int, int]]:
    """Run tests; return (passed, failed, skipped) by ``file::function``."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *tests]
        subprocess.run(command, cwd=ROOT)
        cases = list(ElementTree.parse(report).iter("testcase"))
    found: dict[str, tuple[int, int, int]] = {}
    for case in cases:
        module = case.attrib["classname"].removesuffix(".TestLifeOfAStore").replace(".", "/")
        name = f"{module}.py::{case.attrib['name'].partition('[')[0]}"
        bad = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        counts = found.get(name, (0, 0, 0))
        this = (not bad and not skipped, bad, skipped)
        found[name] = tuple(a + b for a, b in zip(counts, this, strict=True))  # type: ignore[assignment]
    return found


def result(row: Row, found: dict[str, tuple[int, int, int]]) -> str:
    mine = [
        counts
        for name, counts in found.items()
        if any(name == test or name.startswith(f"{test}::") for test in row.tests)
    ]
    passed, failed, skipped = (sum(column) for column in zip(*mine, strict=True))
    words = [f"{passed} passed", f"**{failed} failed**" * bool(failed)]
    words += [f"{skipped} skipped"] * bool(skipped)
    return f"{', '.join(filter(None, words))}, {date.today()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soak", metavar="LINE")
    soak = parser.parse_args().soak
    before = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    kept = [line.removeprefix(SOAK) for line in before if line.startswith(SOAK)]
    found = outcomes(sorted({test for row in ROWS for test in row.tests}))
    lines = [
        f"| {row.fault} | {row.promise} | {', '.join(f'`{test}`' for test in row.tests)} "
        f"| {result(row, found)} |\n"
        for row in ROWS
    ]
    last = soak or next(iter(kept), "never")
    PAGE.write_text(f"{HEAD}{''.join(lines)}\n{SOAK}{last}\n{TAIL}", encoding="utf-8")
    return 1 if any(failed for _, failed, _ in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
