"""Give mutated files to every reader; nothing but ganzoo's own errors may come out.

    python -m tests.reliability.fuzz [--cases 200000] [--seed 0] [--jobs 2] [--only png npz]
    python -m tests.reliability.fuzz --repeat png/1234 --seed 0 [--keep FILE]

A case is decided by the seed, its format and its number. It fails if the reader raises something
other than a `GanzooError`, warns, takes longer than `LONGEST_SECONDS` of processor time, needs more
than `MOST_BYTES` of memory, or ends the process. Prints each failure, then one line with the total;
exits with 1 if there was a failure. `make soak` runs all cases, `make test` a sample of them.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from mmap import mmap
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from ganzoo.errors import GanzooError

from .mutations import mutated
from .readers import FORMATS, Format

CASES = 200_000
LONGEST_SECONDS = 20
"""Processor time that a case may take."""

LONGEST_WAIT_SECONDS = 600
"""Time that a case may take in all: a reader that waits for a pipe takes no processor time."""

MOST_BYTES = 1 << 30
"""Memory that a case may add to the process; the seeds are files of a few kilobytes."""

SHOWN = 40
"""Failures that are printed; all are counted."""


class Failure(NamedTuple):
    """A case that failed: ``png/1234``, and what came out."""

    case: str
    what: str


class TooSlow(BaseException):
    """A reader took longer than `LONGEST_SECONDS` or `LONGEST_WAIT_SECONDS`."""


@cache
def examples_of(name: str) -> tuple[bytes, ...]:
    return FORMATS[name].examples()


def content_of(name: str, number: int, seed: int) -> bytes:
    """Return the mutated file of a case."""
    dice = random.Random(f"{seed}/{name}/{number}")
    dice = random.Random(f"{seed}/{name}/{number}")
    return mutated(FORMATS[name].kind, examples_of(name), dice)


def outcome(form: Format, content: bytes, folder: Path) -> str | None:
    """Give a file to its reader; return what is wrong with what came out, or None."""
    path = folder / form.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_WAIT_SECONDS)
    try:
        form.read(folder)
    except GanzooError:
        return None
    except TooSlow:
        return f"took longer than {LONGEST_SECONDS} seconds, or waited"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = " ".join(str(error).split())[:100]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"{type(error).__name__} in {where}: {words}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def work(name: str, numbers: Sequence[int], seed: int, at: mmap, out: int) -> None:
    """Try cases one after the other; write each failure as a line, and the number that is tried."""

    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGPROF, stop)
    warnings.simplefilter("error")
    form = FORMATS[name]
    # Libraries in C, such as libtiff, print what they think of a file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with tempfile.TemporaryDirectory(prefix="ganzoo-fuzz-") as folder:
        os.environ["GANZOO_CACHE"] = f"{folder}/cache"
        form.prepare(Path(folder))
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in numbers:
            at[:8] = number.to_bytes(8, "little")
            what = outcome(form, content_of(name, number, seed), Path(folder))
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
            if grown * 1024 > MOST_BYTES:
                what, used = f"needed {grown >> 10} MiB", used + grown
            if what:
                os.write(out, f"{number} {what}\n".encode(errors="replace"))


def try_format(name: str, count: int, seed: int) -> list[Failure]:
    """Try `count` cases of a format in forks; a fork that dies is replaced by another."""
    failures: list[Failure] = []
    examples_of(name)
    with mmap(-1, 8) as at:
        first = 0
        while first < count:
            ours, theirs = os.pipe()
            at[:8] = first.to_bytes(8, "little")
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    os.close(ours)
                    work(name, range(first, count), seed, at, theirs)
                    code = 0
                except BaseException:
                    os.write(1, traceback.format_exc().encode())
                finally:
                    os._exit(code)
            os.close(theirs)
            with os.fdopen(ours, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    number, _, what = line.rstrip("\n").partition(" ")
                    failures.append(Failure(f"{name}/{number}", what))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if code == 0:
                break
            if code > 0:
                raise RuntimeError(f"{name}: the fuzzer itself failed")
            died = int.from_bytes(at[:8], "little")
            failures.append(Failure(f"{name}/{died}", f"the process ended with {code}"))
            first = died + 1
    return failures


def shares(cases: int, names: Sequence[str]) -> dict[str, int]:
    """Return how many cases each format gets, by the weights of the formats."""
    whole = sum(FORMATS[name].weight for name in names)
    return {name: -(-cases * FORMATS[name].weight // whole) for name in names}


def fuzz(cases: int, seed: int, jobs: int = 1, only: Sequence[str] = ()) -> Iterator[Failure]:
    """Try cases of all formats, or of some, and yield the failures."""
    counts = shares(cases, only or list(FORMATS))
    with ThreadPool(jobs) as pool:
        tasks = ((name, count, seed) for name, count in counts.items())
        for found in pool.imap_unordered(lambda task: try_format(*task), tasks):
            yield from found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="+", default=[], choices=FORMATS, metavar="FORMAT")
    parser.add_argument("--repeat", metavar="FORMAT/NUMBER")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    given = parser.parse_args()
    if given.repeat:
        return repeat(given.repeat, given.seed, given.keep)
    failures = 0
    for failure in fuzz(given.cases, given.seed, given.jobs, given.only):
        failures += 1
        if failures <= SHOWN:
            print(f"{failure.case}  {failure.what}", flush=True)
    total = sum(shares(given.cases, given.only or list(FORMATS)).values())
    result = f"{failures:,} failures" if failures else "nothing but ganzoo's own errors"
    print(f"{date.today()}  {total:,} mutated files, seed {given.seed}: {result}")
    return 1 if failures else 0


def repeat(case: str, seed: int, keep: Path | None) -> int:
    """Try one case in this process and show all of what it raises."""
    name, _, number = case.partition("/")
    content = content_of(name, int(number), seed)
    if keep:
        keep.write_bytes(content)
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(prefix="ganzoo-fuzz-") as folder:
        os.environ["GANZOO_CACHE"] = f"{folder}/cache"
        FORMATS[name].prepare(Path(folder))
        (path := Path(folder, FORMATS[name].file)).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            FORMATS[name].read(Path(folder))
        except GanzooError as error:
            print(f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
