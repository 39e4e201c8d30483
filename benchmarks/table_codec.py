"""Measure how a table of a million rows and 20 columns is read, fitted and encoded.

    python benchmarks/table_codec.py                    # seconds, and memory by the file's size
    python benchmarks/table_codec.py --rows 100000 --keep table.csv

Memory is the largest resident size beyond that after the imports, as the kernel counts it. On a
machine with other work, look at the processor time: two cores take at most that many seconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
from pyarrow import csv

ROWS = 1_000_000
IDS = 50_000
BATCH = 10_000


def make_table(rows: int, seed: int = 0) -> pa.Table:
    """Return 20 columns: 7 floats, 5 integers, 2 datetimes, 2 booleans, 4 categories."""
    random = np.random.default_rng(seed)
    spread = random.normal(size=rows)
    kinds = random.integers(0, 3, rows)
    gone = random.random(rows) < 0.1
    seconds = 1_600_000_000 + random.integers(0, 100_000_000, rows)
    columns: dict[str, object] = {
        "normal": spread.round(4),
        "modes": (kinds * 10 + random.normal(size=rows)).round(4),
        "tail": np.exp(2 * random.normal(size=rows)).round(2),
        "zeros": np.where(random.random(rows) < 0.6, 0.0, random.exponential(50, rows)).round(2),
        "related": (0.7 * spread + 0.3 * random.normal(size=rows)).round(4),
        "gaps": pa.array(random.uniform(0, 1, rows).round(5), mask=gone),
        "share": random.beta(2, 5, rows).round(6),
        "age": random.integers(18, 95, rows),
        "count": random.poisson(3, rows),
        "pounds": np.exp(random.normal(10, 0.5, rows)).astype(int),
        "steps": random.integers(0, 30_000, rows),
        "year": random.integers(1950, 2024, rows),
        "at": pa.array(seconds, pa.timestamp("s")),
        "day": pa.array(seconds // 86_400, pa.int32()).cast(pa.date32()),
        "member": random.random(rows) < 0.3,
        "paid": random.random(rows) < 0.9,
        "colour": _words("colour", random.integers(0, 6, rows)),
        "town": _words("town", random.geometric(0.05, rows).clip(max=100)),
        "grade": _words("grade", kinds),
        "user": _words("user", random.integers(0, IDS, rows)),
    }
    return pa.table(columns)


def _words(name: str, codes: np.ndarray) -> pa.Array:
    words = pa.array([f"{name}-{code}" for code in range(int(codes.max()) + 1)])
    return words.take(pa.array(codes))


def measure(path: Path) -> None:
    """Print the seconds and the memory of reading, fitting and encoding."""
    import torch
    from ganzoo_table.datasets.file import File

    from ganzoo.nn import encode

    torch.set_num_threads(1)
    before, start, busy = _resident("VmRSS"), perf_counter(), process_time()
    rows = File("train", path=path, holdout=0.0)
    read = perf_counter() - start
    for part in rows.values.split(BATCH):
        encode(rows.spec, part)
    total, size = perf_counter() - start, path.stat().st_size
    memory = _resident("VmHWM") - before
    print(f"{len(rows):,} rows x {len(rows.spec.columns)} columns, {size / 1e6:.0f} MB as csv")
    print(f"read and fitted in {read:.1f} s, encoded {total - read:.1f} s later; ", end="")
    print(f"{process_time() - busy:.1f} s of processor time")
    print(f"{memory / 1e6:.0f} MB of memory, {memory / size:.2f} times the file")
    print(f"{rows.spec.size} numbers a row")


def _resident(field: str) -> int:
    """Return a field of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--keep", type=Path, help="write the table here and measure nothing")
    parser.add_argument("--measure", type=Path, help="measure this file")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
    elif options.keep:
        csv.write_csv(make_table(options.rows), options.keep)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            _other_process("--rows", str(options.rows), "--keep", str(path))
            _other_process("--measure", str(path))


def _other_process(*words: str) -> None:
    """Run this file again, so that the memory of one step is not counted for another."""
    import subprocess
    import sys

    subprocess.run([sys.executable, __file__, *words], check=True)


if __name__ == "__main__":
    main()
