"""How well the digits recipes do, over seeds, against what is known of the data.

    python benchmarks/digits_losses.py [--seeds 0,1,2] [--runs-dir runs/benchmark]

Every recipe is run at its own budget, skipped where it is finished. Each row is compared with the
hold-out's own distance and a Gaussian fitted to the pixels, and its samples' nearest neighbours in
the training set with those of the hold-out: a generator that copied would stand nearer.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch
from torch import Tensor

import ganzoo
from ganzoo.build.components import make
from ganzoo.engine.feed import tensors_of
from ganzoo.engine.launch import Options, prepare, resume, start
from ganzoo.engine.processes import find_processes
from ganzoo.engine.rejoin import same_run
from ganzoo.engine.run import Run
from ganzoo.engine.scorer import Scorer

RECIPES = ("digits-dcgan-vanilla", "digits-dcgan-hinge", "digits-dcgan-wgan-gp")
SAMPLES = 599


@dataclass(frozen=True)
class Row:
    """One run: its final distance, seconds of training and scoring, nearest-neighbour distance."""

    distance: float
    seconds: float
    nearest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/benchmark"))
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    rows = {
        recipe: [measure(recipe, seed, chosen.runs_dir) for seed in seeds] for recipe in RECIPES
    }
    scorer = Scorer.of(prepare(RECIPES[0]), find_processes())
    versions = f"ganzoo {ganzoo.__version__}, torch {torch.__version__}"
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, one CPU thread a run, {versions}\n")
    for line in table(rows, scorer):
        print(line)


def measure(recipe: str, seed: int, runs_directory: Path) -> Row:
    """Run a recipe with a seed, or find it finished, and return its row."""
    plan = prepare(recipe, [f"seed={seed}"])
    options = Options(runs_directory=runs_directory)
    known = same_run(plan, runs_directory)
    if known is None:
        known = start(plan, options)
    elif known.status() != "finished":
        resume(known, (), options)
    run = Run(known)
    final = [s for s in run.scores if s.sampling and s.sampling.selected == "final"][-1]
    train, _ = tensors_of(run.plan.dataset)
    return Row(final.value, seconds(run), nearest(run.sample(SAMPLES, seed=1), train))


def seconds(run: Run) -> float:
    """Return the time from the first to the last event of the run's last attempt."""
    times = [datetime.fromisoformat(event["time"]) for event in run.directory.events()]
    return (times[-1] - times[0]).total_seconds()


def nearest(samples: Tensor, train: Tensor) -> float:
    """Return the median distance to the nearest training image, in units of the pixel range."""
    a, b = (t.flatten(1).double() / 255 for t in (samples, train))
    return float(torch.cdist(a, b).min(1).values.median())


def table(rows: dict[str, list[Row]], scorer: Scorer) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    train = scorer.reference.samples
    test, _ = tensors_of(make(scorer.dataset, "test"))
    holdout = scorer.score([(test, None)]).value
    gaussian = scorer.score([(pixel_gaussian(train), None)]).value
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


def pixel_gaussian(train: Tensor) -> Tensor:
    """Return samples of a Gaussian with the pixels' mean and covariance, clipped and rounded."""
    pixels = train.flatten(1).double()
    covariance = torch.cov(pixels.T) + 1e-6 * torch.eye(pixels.shape[1])
    noise = torch.randn(
        SAMPLES, pixels.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    samples = pixels.mean(0) + noise @ torch.linalg.cholesky(covariance).T
    return samples.clamp(0, 255).round().to(torch.uint8).view_as(train[:SAMPLES])


if __name__ == "__main__":
    main()
