"""Trials of PacGAN's experiments with points in the plane.

    python benchmarks/pacgan.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/pacgan]

Modes covered, samples of high quality and reverse KL of the final generators: mean and standard
error over the seeds. The recipes are the short ones; those without "-short" have the 400 epochs of
the paper. Finished runs are not repeated, so `ganzoo verify` can train some of them before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from provenance import provenance
from yardsticks import chosen_trials, final_score, finished_run

RECIPES = [
    f"pacgan-{layout}-{method}-short"
    for layout in ("ring", "grid")
    for method in ("gan", "pacgan2", "pacgan4")
]
COLUMNS = {
    "modes": ("modes_covered", ".1f"),
    "high quality": ("high_quality", ".1%"),
    "KL": ("modes_reverse_kl", ".2f"),
}
"""Head of a column → its metric, and the form of its numbers."""


def main() -> None:
    recipes, seeds, runs_directory = chosen_trials(__doc__, "RECIPE", RECIPES, "runs/pacgan")
    print(
        f"{provenance('torch')}\n\n| recipe | modes by seed | {' | '.join(COLUMNS)} |\n"
        "|:--|--:|--:|--:|--:|",
        flush=True,
    )
    for recipe in recipes:
        print(row(recipe, seeds, runs_directory), flush=True)


def row(recipe: str, seeds: Sequence[int], runs_directory: Path) -> str:
    """Return the row of a recipe; train its runs first unless they are finished."""
    runs = [finished_run(recipe, seed, runs_directory) for seed in seeds]
    scores = [final_score(run).metrics for run in runs]
    modes = ", ".join(f"{score['modes_covered']:.0f}" for score in scores)
    cells = (with_error([score[name] for score in scores], form) for name, form in COLUMNS.values())
    return f"| `{recipe}` | {modes} | {' | '.join(cells)} |"


def with_error(values: Sequence[float], form: str) -> str:
    """Return mean ± standard error of the mean; without the error for one value."""
    error = f" ± {stdev(values) / len(values) ** 0.5:{form}}" if len(values) > 1 else ""
    return f"{fmean(values):{form}}{error}"


if __name__ == "__main__":
    main()
