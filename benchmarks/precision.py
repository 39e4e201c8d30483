"""Whether half precision trains to the distance that fp32 does: two recipes, five seeds.

    python benchmarks/precision.py [--seeds 0,1,2,3,4] [--precisions fp32,bf16] [--runs-dir DIR]

Every run goes to its recipe's own budget and is skipped where it is finished, so that an
interrupted benchmark goes on where it stopped, and several processes can share the seeds. About an
hour on one free CPU core; fp16 is for a GPU.
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
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/precision"))
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    precisions = chosen.precisions.split(",")
    print(f"{provenance()}, seeds {chosen.seeds}\n", flush=True)
    rows = [row for recipe in RECIPES for row in lines(recipe, precisions, seeds, chosen.runs_dir)]
    columns = ["recipe", "precision", "final distance, mean ± sd", "lowest", "highest", "p"]
    print(Table(columns, rows, columns[2:]).markdown())


def lines(
    recipe: str, precisions: list[str], seeds: list[int], runs_directory: Path
) -> Iterator[list[str]]:
    """Yield a recipe's line of each precision; p is Welch's of the difference to the first."""
    found = {
        precision: [distance(recipe, precision, seed, runs_directory) for seed in seeds]
        for precision in precisions
    }
    for precision, values in found.items():
        spread = statistics.stdev(values) if len(values) > 1 else math.nan
        same = precision == precisions[0] or len(values) < 2
        p = "" if same else f"{welch_p_value(found[precisions[0]], values):.2f}"
        mean = f"{statistics.mean(values):.2f} ± {spread:.2f}"
        yield [recipe, precision, mean, f"{min(values):.2f}", f"{max(values):.2f}", p]


def distance(recipe: str, precision: str, seed: int, runs_directory: Path) -> float:
    """Train one run, or find it finished; return its final distance."""
    run = finished_run(recipe, seed, runs_directory, f"train.precision={precision}")
    print(f"{recipe} {precision} seed {seed}: {final_score(run).value:.3f}", flush=True)
    return final_score(run).value


if __name__ == "__main__":
    main()
