"""The table of recipes over seeds, with what stands beside them: held-out samples and baselines."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from leaderboard_yardsticks import Samples
from provenance import provenance
from yardsticks import final_score, finished_run, scored

from ganzoo.runs.score import Score
from ganzoo.training.run import Run

Baselines = Mapping[str, Callable[[Run, int, int], Samples]]
"""Name of a row → what makes its samples: a run to be like, their number, a seed."""


def print_table(
    doc: str | None,
    recipes: Sequence[str],
    baselines: Baselines,
    columns: Mapping[str, str],
    runs_dir: str,
) -> None:
    """Train recipes that the command line names, with three seeds each, and print the table.

    A run that is finished already is not repeated, and has no CPU seconds.

    Args:
        doc: of the script.
        recipes: if the command line names none.
        columns: head of a column → its metric, after the Fréchet distance.
        runs_dir: where the runs go, if the command line does not say.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", default=recipes)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path(runs_dir))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    heads, rule = " | ".join(columns), "--:|" * (len(columns) + 2)
    print(f"{provenance('torch')}\n\n| recipe | seed | FD | {heads} | CPU s |\n|:--|:--|{rule}")
    for recipe in chosen.recipes:
        runs = []
        for seed in map(int, chosen.seeds.split(",")):
            began = time.process_time()
            runs.append(finished_run(recipe, seed, chosen.runs_dir))
            seconds = f"{time.process_time() - began:.0f}"
            _print_row(recipe, str(seed), final_score(runs[-1]), columns, seconds)
        for name, make in baselines.items():
            made = make(runs[0], runs[0].plan.budget.final_samples, 0)
            _print_row(recipe, name, scored(made, runs[0]), columns)


def _print_row(
    recipe: str, which: str, score: Score, columns: Mapping[str, str], seconds: str = ""
) -> None:
    found = (score.metrics.get(name) for name in columns.values())
    numbers = " | ".join("" if each is None else f"{each:.3f}" for each in found)
    print(f"| {recipe} | {which} | {score.value:.1f} | {numbers} | {seconds} |", flush=True)
