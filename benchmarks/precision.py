"""Whether bf16 trains to the distance that fp32 does: two recipes, five seeds, both precisions.

    python benchmarks/precision.py [--seeds 0,1,2,3,4] [--runs-dir runs/precision]

Every run goes to its recipe's own budget and is skipped where it is finished, so that an
interrupted benchmark goes on where it stopped. About an hour on one free CPU core.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator
from pathlib import Path

from yardsticks import final_score, finished_run, provenance

from ganzoo.report.table import Table
from ganzoo.report.welch import welch_p_value

RECIPES = ("digits-dcgan-hinge", "shapes-resnet-hinge")
PRECISIONS = ("fp32", "bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/precision"))
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    print(f"{provenance()}, seeds {chosen.seeds}\n", flush=True)
    rows = [row for recipe in RECIPES for row in lines(recipe, seeds, chosen.runs_dir)]
    columns = ["recipe", "precision", "final distance, mean ± sd", "lowest", "highest", "p"]
    print(Table(columns, rows, columns[2:]).markdown())


def lines(recipe: str, seeds: list[int], runs_directory: Path) -> Iterator[list[str]]:
    """Yield a recipe's line of each precision; p is Welch's of their difference."""
    found = {
        precision: [distance(recipe, precision, seed, runs_directory) for seed in seeds]
        for precision in PRECISIONS
    }
    for precision, values in found.items():
        spread = statistics.stdev(values) if len(values) > 1 else math.nan
        same = precision == PRECISIONS[0] or len(values) < 2
        p = "" if same else f"{welch_p_value(found[PRECISIONS[0]], values):.2f}"
        mean = f"{statistics.mean(values):.2f} ± {spread:.2f}"
        yield [recipe, precision, mean, f"{min(values):.2f}", f"{max(values):.2f}", p]


def distance(recipe: str, precision: str, seed: int, runs_directory: Path) -> float:
    """Train one run, or find it finished; return its final distance."""
    run = finished_run(recipe, seed, runs_directory, f"train.precision={precision}")
    print(f"{recipe} {precision} seed {seed}: {final_score(run).value:.3f}", flush=True)
    return final_score(run).value


if __name__ == "__main__":
    main()
