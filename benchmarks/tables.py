"""A recipe for tables over several seeds beside its baselines, under one protocol.

    python benchmarks/tables.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/tables]

Baselines: held-out rows, independent columns, a Gaussian copula, and the generator after one step.
Every run is trained in this process by one thread; finished ones are not repeated.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time

import numpy as np
import torch
from ganzoo_table.baselines import gaussian_copula, independent_columns
from provenance import provenance
from yardsticks import final_score, finished_run

from ganzoo.components.build import make
from ganzoo.runs.score import Score
from ganzoo.training.external_scores import score_like
from ganzoo.training.run import Run

RECIPES = ("bayes-net-ctgan",)
METRICS = {
    "column_shapes": "shapes",
    "pair_trends": "pairs",
    "c2st_trees": "C2ST trees",
    "efficacy": "efficacy",
    "l_syn": "L_syn",
    "l_test": "L_test",
    "closest_record": "closest",
}
"""Metric → its column; those that a recipe does not have are left out."""


def baselines(like: Run, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the names of baselines and their rows, as many as the run was scored with."""
    train, test = (make(like.plan.components["dataset",], split) for split in ("train", "test"))
    rows, count = train.values.numpy(), like.plan.budget.final_samples
    if len(test) >= count:
        yield "held-out rows", test.values.numpy()[:count]
    yield "Gaussian copula", gaussian_copula(rows, count, seed)
    yield "independent columns", independent_columns(rows, count, seed)


def score(rows: np.ndarray, like: Run) -> Score:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.npz"
        np.savez(file, samples=rows)
        return score_like(file, like)


def cells(score: Score, names: Sequence[str]) -> str:
    values = [score.value, *(score.metrics.get(name, float("nan")) for name in names)]
    return " | ".join(f"{value:.4g}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES, metavar="RECIPE")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/tables"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    print(provenance("torch"))
    for recipe in chosen.recipes:
        board(recipe, seeds, chosen.runs_dir)


def board(recipe: str, seeds: Sequence[int], runs_directory: Path) -> None:
    """Train a recipe and print its table."""
    start = finished_run(recipe, seeds[0], runs_directory / "untrained", "train.steps=1")
    names = [name for name in METRICS if name in final_score(start).metrics]
    print(f"\n| rows | seed | FD | {' | '.join(METRICS[name] for name in names)} |")
    print("|:--|" + "--:|" * (len(names) + 2))
    for seed in seeds:
        busy = process_time()
        run = finished_run(recipe, seed, runs_directory)
        busy = process_time() - busy
        print(f"| {recipe} | {seed} | {cells(final_score(run), names)} |", f"  {busy:.0f} CPU s")
    for name, rows in baselines(run, 0):
        print(f"| {name} | | {cells(score(rows, run), names)} |", flush=True)
    print(f"| after one step | {seeds[0]} | {cells(final_score(start), names)} |", flush=True)


if __name__ == "__main__":
    main()
