"""Run the tests behind every guarantee and write docs/reliability.md with their results.

    python -m tests.reliability.table [--soak LOG] [--fuzz LINE] [--minutes 60]

A row's result covers all its tests. No file of tests is begun after so many minutes; a row with a
test that was not run keeps its dated result, or says "not run yet". Of `LOG`, what the soak test
and the faults at file calls printed, the page takes the lines that begin with a date; `LINE` is the
last line of the fuzzer. By default the page keeps those it has.
"""

import argparse
import math
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
HERE, ZOO, RUNS = "tests/reliability/", "tests/zoo/", "tests/runs/"
RANKS = HERE + "test_ranks.py::"
SOAK = "The last results of `make soak`:\n\n"
FUZZ = "Last `python -m tests.reliability.fuzz`: "
_RESULT = re.compile(r"20\d\d-\d\d-\d\d  ")


class Row(NamedTuple):
    """A fault, the guarantee for it, and the tests that check it: files, or file::function."""

    fault: str
    guarantee: str
    tests: list[str]


ROWS = [
    Row(
        "kill -9, SIGTERM, an error or a full disk at any named point of saving, publishing, "
        "pruning and loading",
        "every acknowledged checkpoint is there and intact, and the run can be resumed",
        [HERE + "test_fault_matrix.py"],
    ),
    Row(
        "any order of saves, crashes, damage, deletions by the user and second owners",
        "the resumed step is never older than the last acknowledged, undamaged one",
        [HERE + "test_store_machine.py"],
    ),
    Row(
        "a byte of any file of a checkpoint changed or cut off",
        "the previous checkpoint is loaded bit for bit, and the damaged file is named",
        [HERE + "test_corruption.py", RUNS + "test_checkpoints.py"],
    ),
    Row(
        "kill -9 at a random moment",
        "the resumed run ends bit for bit like an uninterrupted one",
        ["tests/test_end_to_end.py::test_a_run_killed_and_resumed_ends_with_the_straight_runs_weights"],
    ),
    Row(
        "a stop after the first step, within an epoch, at the end of one, after the last step; "
        "one process and two; data in memory and streamed",
        "every tensor of every state equals that of the uninterrupted run bit for bit, with "
        "EMA, lazy R1, a schedule and a stateful augmentation",
        [RANKS + "test_a_run_with_every_kind_of_state_resumes_bit_for_bit"],
    ),
    Row(
        "SIGTERM while training, sampling, reading real data, iterating over it, scoring, "
        "saving; SIGINT, SIGUSR1; a time limit; any of these before the first step, or before "
        "the run",
        "one intact checkpoint, if there is anything to save; exit code 143, 130 or 75; the "
        "command that resumes; no score is lost",
        [HERE + "test_signals.py"],
    ),
    Row(
        "a signal to one of two processes; resumed by one",
        "all stop with one checkpoint; the run resumes and reports that it is not bit for bit",
        [RANKS + "test_a_signal_to_one_rank_saves_once_and_another_number_of_processes_resumes",
         RANKS + "test_a_signal_to_a_rank_that_reads_the_reference_stops_both"],
    ),
    Row(
        "an error, or kill -9, of one of two processes",
        "all end with that error, recorded by the process that had it; none hangs",
        [RANKS + "test_an_error_of_one_rank_ends_all_with_that_error",
         RANKS + "test_after_kill_9_of_one_rank_the_other_ends_and_the_run_can_be_resumed"],
    ),
    Row(
        "two commands on one run; a lock of another host",
        "exit code 6, naming pid, host and start time; the run of a dead owner can be taken "
        "over",
        [HERE + "test_owners.py"],
    ),
    Row(
        "a scheduler that preempts the job",
        "exit code 75 until the run is finished, with the result of an uninterrupted run",
        ["tests/test_slurm.py"],
    ),
    Row(
        "a loss term, a gradient or a weight that is not finite",
        "stop, skip or rollback, as the recipe says; the average stays finite, no such "
        "checkpoint is published, the inputs of the failed step are saved to a file",
        ["tests/training/test_nonfinite.py"],
    ),
    Row(
        "a generator that is constant, draws two samples, or has two modes; twenty healthy "
        "runs",
        "the collapse monitor reports the first three within two evaluations, and no healthy "
        "run; a run that stops at a collapse is saved and exits with code 10",
        ["tests/training/test_collapse.py", "tests/trials/test_collapse.py"],
    ),
    Row(
        "a full disk while saving; too little memory",
        "the old checkpoint is kept, three failures in a row end the run; the message has the "
        "exact overrides to try",
        ["tests/training/test_checkpointing.py"],
    ),
    Row(
        "a full disk at the last checkpoint, a checkpoint that cannot be removed, a best "
        "checkpoint that is lost",
        "a run without its last checkpoint is not called finished; the others are notes",
        [HERE + "test_final_checkpoint.py"],
    ),
    Row(
        "a full disk, a quota, an I/O error, a read-only disk or missing permission while a page, "
        "a schema, a recipe, a plugin or samples are written",
        "one line that names the file, exit code 7, or 2 without permission; nothing half",
        ["tests/trials/test_runs.py::"
         "test_a_file_that_cannot_be_written_is_named_and_nothing_half_is_left",
         "tests/trials/test_runs.py::test_pages_and_pictures_are_written_whole_or_not_at_all"],
    ),
    Row(
        "the directory of a training run, or one above it, is renamed, deleted, or taken over",
        "a renamed run saves in its new place, stops with exit code 75 and names the place; "
        "otherwise exit code 5 or 6, and no checkpoint is acknowledged that cannot be resumed",
        ["tests/trials/test_runs.py::"
         "test_a_run_whose_directory_is_renamed_saves_there_stops_and_says_how_to_resume",
         "tests/trials/test_runs.py::"
         "test_a_directory_above_the_run_may_be_renamed_while_a_checkpoint_is_written",
         "tests/trials/test_runs.py::"
         "test_a_run_whose_directory_is_deleted_acknowledges_nothing_any_more",
         "tests/trials/test_runs.py::"
         "test_a_run_that_another_process_has_taken_over_writes_nothing_any_more"],
    ),
    Row(
        "stdout or stderr closed, full, or a pipe without reader",
        "words are dropped, and the command ends as it would have; a result that stdout cannot "
        "take is exit code 7, or 141 for a pipe",
        ["tests/trials/test_runs.py::test_a_short_command_ends_as_designed_without_readers"],
    ),
    Row(
        "a directory that cannot be written, unusual names, `LC_ALL=C`, a clock that goes back",
        "a message of one line, or no effect",
        [HERE + "test_environments.py"],
    ),
    Row(
        "truncated, empty, mistyped, huge pictures; 100,000 of them; bombs and path traversal "
        "in zips; links",
        "named before training, skipped up to 1 % on request, nothing written outside",
        [HERE + "test_untrusted_images.py", ZOO + "test_folder_damage.py",
         ZOO + "test_folder_zip.py", ZOO + "test_folder.py"],
    ),
    Row(
        "code in files: in every slot of a checkpoint with a forged manifest, every record of "
        "a run, pictures, npz, recipes",
        "none of it runs: an error of one line; no module uses pickle, eval, exec or an "
        "unrestricted load",
        [HERE + "test_hostile_files.py", "tests/test_no_code_from_files.py"],
    ),
    Row(
        "decompression bombs, headers that lie, pipes and directories in place of files, JSON of "
        "100,000 levels, and files with changed bytes",
        "one error of ganzoo, of one line, before memory is taken",
        ["tests/trials/test_files_from_strangers.py", HERE + "test_fuzz.py"],
    ),
    Row(
        "training data that was changed, moved, renamed, zipped or deleted, a data set whose "
        "plugin is not installed, a plugin file with a mistake",
        "other data is refused, and named, unless drift is allowed; the best checkpoint is chosen "
        "under one reference; the hint takes the new path; sampling, export and comparison need no "
        "data; a repaired plugin file continues the run",
        ["tests/trials/test_moved_data.py"],
    ),
    Row(
        "a broken plugin, a library that cannot be imported, a full disk, no permission to "
        "write, no file locks",
        "`ganzoo doctor` reports it and exits with the code of the first problem",
        ["tests/training/test_doctor.py"],
    ),
]  # fmt: skip

HEAD = """# What a run survives

Each row has a fault, what ganzoo guarantees then, and the tests that check it.
`python -m tests.reliability.table` runs them and writes this page; `make soak` is the long test. A
checkpoint is *acknowledged* once ganzoo has reported it as saved.

| fault | guarantee | tests | last result |
|---|---|---|---|
"""

TAIL = """
The soak test kills a run with SIGKILL 40 times at random moments, resumes it each time, and
compares everything in its last checkpoint with that of an undisturbed run. Then it makes file calls
(of Python, of safetensors and of torch, below the runs and the cache) of a run and of its resume
fail, one for each start of the run, and resumes the run. It tries one of five faults;
`python -m tests.reliability.file_faults` tries all: 40 minutes of one core on a quiet machine.

## Files from strangers

The fuzzer makes seeded changes to whole files (bytes, lengths, texts, what a checksum covers) and
gives each to the reader that a command uses: npz of samples and of statistics; PNG, JPEG, WebP,
TIFF and other pictures; zips and labels of pictures; animations, wav, csv and token files;
safetensors, `state.pt` and tar; run.json, records, manifests, locks and recipes. A case fails if
anything but an error of ganzoo results, if it takes over 20 seconds of processor time or 1 GiB of
memory, or if it ends the process. `make soak` tries 200,000, `make test` 2,000.

| what | limit |
|---|---|
| members of a zip | 2,000,000; stored or deflated; packed sizes together no larger than the file |
| a member or tar that unpacks to more than 16 MiB | 100 times its packed size |
| a picture or labels in a zip | 256 MiB |
| a picture | 64 megapixels, 20,000 a side; formats that Pillow decodes itself |
| an array of an npz | free memory; 1 GiB and more of uncompressed uint8 stay in the file |
| JSON | 32 levels, numbers below 2^63, no NaN, no key twice |
| a recipe | 1 MiB, 32 levels, 5,000 values, no aliases |

A file that is cut short while it is memory-mapped (weights, and arrays of 1 GiB and more) ends the
process with SIGBUS, as with every program that maps files.

## Limits

- *Two processes* are two on one CPU, over gloo. How NCCL reports a lost process has never been
  observed: the messages by which ganzoo recognizes it are untested.
- *Streamed* data is decoded by worker processes (`train.workers`), and by the run's own process
  where the workers are not ahead; data in memory needs no workers.
- The *faults at file calls* were tried one by one at each of the 1,190 calls of a run and its
  resume, on 2026-11-30: 2,270 faults. No checkpoint was lost, and every run was resumed to the
  same end. At 8 calls, those that remove the checkpoint of the run's last pruning, an error that
  passes left its files behind; removal is tried again since, and these calls and their 54
  neighbours were tried once more: nothing lost, nothing left. With four steps and a data set in
  memory it is a small run; runs that stream, of several processes, or with a decoded cache have
  other file calls, which were not tried.
- A signal *before Python has started* `ganzoo` (some 20 milliseconds) ends the process like any
  other: SIGUSR1 with 138, not 75. A signal that arrives while several processes wait for each
  other to start is handled once they have started.
- *Several processes* that read data into memory do not stop before the first step; then all of
  them do.
- The *time limit* is checked between steps and batches, not while a data set reads itself in one
  piece or while a metric computes.
- 100,000 pictures of 8x8 pixels in ten folders, three of them damaged, were tried by hand on
  2026-11-27, on two busy cores: listed in 1.8 seconds of CPU time, all decoded in 83 seconds of
  wall time, the three named; checked again in 4 seconds.

## Not tested

Power loss (files are synced, but no plug was pulled), several machines (several processes share
one), network file systems, disks whose mapped pages fail, a GPU that is lost or really runs out of
memory, Windows, macOS.
"""


Outcomes = dict[str, tuple[int, int, int]]
"""(passed, failed, skipped) by ``file::function``."""


def outcomes(tests: list[str], minutes: float) -> Outcomes:
    """Run tests, a file at a time; return what came of them."""
    by_file: dict[str, list[str]] = {}
    for test in tests:
        by_file.setdefault(test.partition("::")[0], []).append(test)
    found: Outcomes = {}
    began = time.monotonic()
    for some in by_file.values():
        if time.monotonic() - began > 60 * minutes:
            break
        found |= outcomes_of(some)
    return found


def outcomes_of(tests: list[str]) -> Outcomes:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *tests]
        subprocess.run(command, cwd=ROOT)
        cases = list(ElementTree.parse(report).iter("testcase"))
    found: Outcomes = {}
    for case in cases:
        module = case.attrib["classname"].removesuffix(".TestLifeOfAStore").replace(".", "/")
        name = f"{module}.py::{case.attrib['name'].partition('[')[0]}"
        bad = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        counts = found.get(name, (0, 0, 0))
        this = (not bad and not skipped, bad, skipped)
        found[name] = tuple(a + b for a, b in zip(counts, this, strict=True))  # type: ignore[assignment]
    return found


def result(row: Row, found: Outcomes, before: list[str]) -> str:
    for test in row.tests:
        if not any(name == test or name.startswith(f"{test}::") for name in found):
            known = [line for line in before if line.startswith(f"| {row.fault} | ")]
            return known[0].split(" | ")[-1].removesuffix(" |") if known else "not run yet"
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
    parser.add_argument("--soak", metavar="LOG", type=Path, default=PAGE)
    parser.add_argument("--fuzz", metavar="LINE")
    parser.add_argument("--minutes", type=float, default=math.inf)
    given = parser.parse_args()
    before = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    logged = given.soak.read_text(encoding="utf-8").splitlines() if given.soak.exists() else []
    results = [line.removeprefix("- ") for line in logged]
    fuzzed = [line.removeprefix(FUZZ) for line in before if line.startswith(FUZZ)]
    found = outcomes(sorted({test for row in ROWS for test in row.tests}), given.minutes)
    lines = [
        f"| {row.fault} | {row.guarantee} | {', '.join(f'`{test}`' for test in row.tests)} "
        f"| {result(row, found, before)} |\n"
        for row in ROWS
    ]
    soak = "".join(f"- {line}\n" for line in results if _RESULT.match(line))
    last = f"{SOAK}{soak}\n{FUZZ}{given.fuzz or next(iter(fuzzed), 'never')}\n"
    PAGE.write_text(f"{HEAD}{''.join(lines)}\n{last}{TAIL}", encoding="utf-8")
    return 1 if any(failed for _, failed, _ in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
