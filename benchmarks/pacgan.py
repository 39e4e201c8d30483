"""Trials of PacGAN's experiments with points in the plane, beside its table 1.

    python benchmarks/pacgan.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/pacgan]

Modes covered, samples of high quality and reverse KL of the final generators: mean and standard
error over the seeds. The recipes are the short ones; those without "-short" have the 400 epochs of
the paper. Finished runs are not repeated, so `ganzoo verify` can train some of them before.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from provenance import provenance
from yardsticks import final_score, finished_run

RECIPES = [
    f"pacgan-{layout}-{method}-short"
    for layout in ("ring", "grid")
    for method in ("gan", "pacgan2", "pacgan4")
]
COLUMNS = {"modes_covered": "modes", "high_quality": "high quality", "modes_reverse_kl": "KL"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/pacgan"))
    chosen = parser.parse_args()
    seeds = [int(each) for each in chosen.seeds.split(",")]
    print(
        f"{provenance('torch')}\n\n| recipe | modes by seed | {' | '.join(COLUMNS.values())} |\n"
        "|:--|--:|--:|--:|--:|",
        flush=True,
    )
    for recipe in chosen.recipes or RECIPES:
        print(row(recipe, seeds, chosen.runs_dir), flush=True)


def row(recipe: str, seeds: Sequence[int], runs_directory: Path) -> str:
    """Return the row of a recipe; train its runs first unless they are finished."""
    runs = [finished_run(recipe, seed, runs_directory) for seed in seeds]
    scores = [final_score(run).metrics for run in runs]
    values = {name: [score[name] for score in scores] for name in COLUMNS}
    modes = ", ".join(f"{each:.0f}" for each in values["modes_covered"])
    cells = [
        with_error(values["modes_covered"], ".1f"),
        with_error(values["high_quality"], ".1%"),
        with_error(values["modes_reverse_kl"], ".2f"),
    ]
    return f"| `{recipe}` | {modes} | {' | '.join(cells)} |"


def with_error(values: Sequence[float], form: str) -> str:
    """Return mean ± standard error of the mean; without the error for one value."""
    error = f" ± {stdev(values) / len(values) ** 0.5:{form}}" if len(values) > 1 else ""
    return f"{fmean(values):{form}}{error}"


if __name__ == "__main__":
    main()
