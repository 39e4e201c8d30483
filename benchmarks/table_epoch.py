"""The time of an epoch of CTGAN on one table: ganzoo's, and that of the package `ctgan`.

    python benchmarks/table_epoch.py TABLE.csv                      # writes the table if need be
    OTHER/bin/python benchmarks/table_epoch.py TABLE.csv --package  # where ctgan is installed

Both have the published hyper-parameters and one thread. Times are the processor's, and an epoch's
is the median of several; the two are to be run in turns, on a machine without other work. The table
is that of `table_codec.py` without the 50,000 ids, of which the package makes a dense one-hot, and
without the column with missing values, which it refuses; datetimes are seconds. An epoch is rows /
500 updates of D and G.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import process_time

import torch

ROWS, BATCH = 20_000, 500
CATEGORIES = ("member", "paid", "colour", "town", "grade")
EPOCHS = 15


def write_table(path: Path, rows: int) -> None:
    import pyarrow as pa
    from pyarrow import csv
    from table_codec import make_table

    table = make_table(rows).drop_columns(["user", "gaps"])
    for name in ("at", "day"):
        place = table.column_names.index(name)
        numbers = table[name].cast(pa.timestamp("s")).cast(pa.int64())
        table = table.set_column(place, name, numbers)
    csv.write_csv(table, path)


def ours(path: Path) -> tuple[float, float]:
    """Return the seconds of reading and fitting, and of an epoch."""
    from ganzoo_table.datasets.file import File

    from ganzoo.api import OwnData
    from ganzoo.recipes.yaml import yaml_line
    from ganzoo.training.assemble import make_step
    from ganzoo.training.launch import prepare
    from ganzoo.training.processes import find_processes

    start = process_time()
    body = File.new_recipe(OwnData(path.absolute(), path.name, None, yaml_line)).body
    read = process_time() - start
    recipe = path.with_suffix(".yaml")
    recipe.write_text(f"recipe: 1\nname: {recipe.stem}\n\n{body}\n")
    plan = prepare(str(recipe), ["dataset.holdout=0"])
    step = make_step(plan, find_processes())
    for _ in range(5):
        step()
    times = [process_time()]
    for _ in range(EPOCHS):
        for _ in range(len(plan.dataset) // BATCH):
            step()
        times.append(process_time())
    return read, median_interval(times)


def theirs(path: Path) -> tuple[float, float]:
    """Return the seconds of reading and fitting, and of an epoch."""
    import pandas as pd
    from ctgan import CTGAN
    from ctgan.synthesizers import ctgan as package

    times = []

    def epochs(numbers: Iterable[int], **_: object) -> Iterator[int]:
        """Stand where the package has its progress bar over epochs, and note the time."""
        for number in numbers:
            times.append(process_time())
            yield number
        times.append(process_time())

    package.tqdm = epochs
    start = process_time()
    CTGAN(epochs=EPOCHS).fit(pd.read_csv(path), CATEGORIES)
    return times[0] - start, median_interval(times)


def median_interval(times: Sequence[float]) -> float:
    """Return the median time between one point and the next."""
    return median(after - before for before, after in pairwise(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--package", action="store_true", help="time the package ctgan")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if not chosen.table.exists():
        write_table(chosen.table, chosen.rows)
    read, epoch = (theirs if chosen.package else ours)(chosen.table)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    name = "ctgan" if chosen.package else "ganzoo"
    print(f"{name}: read and fitted in {read:.1f} s, an epoch {epoch:.2f} s, {memory:.0f} MB")


if __name__ == "__main__":
    main()
