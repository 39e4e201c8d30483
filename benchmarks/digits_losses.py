"""Quality of the digits recipes over seeds, compared with baselines computed from the data.

    python benchmarks/digits_losses.py [--seeds 0,1,2] [--runs-dir runs/benchmark]

Runs every recipe at its own budget, with the leaderboard's metrics; finished runs, such as the
leaderboard's, are not repeated. Distances are compared with
those of the hold-out and of a Gaussian fitted to the pixels. The distance of samples to their
nearest neighbours in the training set is compared with that of the hold-out (a copy is nearer).
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from leaderboard import board
from provenance import provenance
from torch import Tensor
from yardsticks import final_score, finished_run, pixel_gaussian, seconds

from ganzoo.components.build import make
from ganzoo.components.data import tensors_of
from ganzoo.training.launch import prepare
from ganzoo.training.processes import find_processes
from ganzoo.training.scorer import Scorer

RECIPES = ("digits-dcgan-vanilla", "digits-dcgan-hinge", "digits-dcgan-wgan-gp")
SAMPLES = 599


@dataclass(frozen=True)
class Row:
    """One run: final distance, seconds of training and scoring, nearest-neighbour distance."""

    distance: float
    seconds: float
    nearest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/leaderboard"))
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    rows = {
        recipe: [measure(recipe, seed, chosen.runs_dir) for seed in seeds] for recipe in RECIPES
    }
    scorer = Scorer.of(prepare(RECIPES[0]), find_processes())
    print(f"{provenance('torch')}\n")
    for line in table(rows, scorer):
        print(line)


def measure(recipe: str, seed: int, runs_directory: Path) -> Row:
    """Return the row of one run."""
    run = finished_run(recipe, seed, runs_directory, *board([recipe])[recipe])
    train, _ = tensors_of(run.plan.dataset)
    distance = final_score(run).value
    return Row(distance, seconds(run), nearest(run.sample(SAMPLES, seed=1), train))


def nearest(samples: Tensor, train: Tensor) -> float:
    """Return the median distance to the nearest training image, in units of the pixel range."""
    a, b = (t.flatten(1).double() / 255 for t in (samples, train))
    return float(torch.cdist(a, b).min(1).values.median())


def table(rows: dict[str, list[Row]], scorer: Scorer) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    train, _ = tensors_of(make(scorer.dataset, "train"))
    test, _ = tensors_of(make(scorer.dataset, "test"))
    holdout = scorer.score([(test, None)]).value
    gaussian = scorer.score([(pixel_gaussian(train, SAMPLES), None)]).value
    yield "| samples | seeds | FD(toy-cnn), mean ± sd | times hold-out | seconds | nearest |"
    yield "|:--|--:|--:|--:|--:|--:|"
    yield f"| hold-out | | {holdout:.1f} | 1.0 | | {nearest(test, train):.2f} |"
    for recipe, runs in rows.items():
        values = [row.distance for row in runs]
        mean, spread = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
        yield (
            f"| {recipe} | {len(runs)} | {mean:.1f} ± {spread:.1f} | {mean / holdout:.1f} "
            f"| {statistics.mean(row.seconds for row in runs):.0f} "
            f"| {statistics.mean(row.nearest for row in runs):.2f} |"
        )
    yield f"| pixel-Gaussian | | {gaussian:.0f} | {gaussian / holdout:.0f} | | |"


if __name__ == "__main__":
    main()
