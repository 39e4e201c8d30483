"""What the benchmarks of recipes share: finished runs, and baselines computed from the data."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.runs.score import Score
from ganzoo.training.external_scores import score_like
from ganzoo.training.launch import Options, prepare, resume, train_run
from ganzoo.training.rejoin import same_run
from ganzoo.training.run import Run


def chosen_trials(
    doc: str | None, metavar: str, known: Collection[str], runs_directory: str
) -> tuple[list[str], list[int], Path]:
    """Return what the command line names of `known` (default: all), its seeds, and where runs go.

    Args:
        doc: of the script.
        metavar: what is named, in the help.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("names", nargs="*", metavar=metavar, help="; ".join(known))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path(runs_directory))
    chosen = parser.parse_args()
    seeds = [int(each) for each in chosen.seeds.split(",")]
    return chosen.names or list(known), seeds, chosen.runs_dir


def finished_run(recipe: str, seed: int, runs_directory: Path, *overrides: str) -> Run:
    """Return the finished run of a recipe and seed; start or resume it if necessary."""
    plan = prepare(recipe, [f"seed={seed}", *overrides])
    options = Options(runs_directory=runs_directory)
    known = same_run(plan, runs_directory)
    if known is None:
        known = train_run(plan, options)
    elif known.status() != "finished":
        resume(known, (), options)
    return Run(known)


def final_score(run: Run) -> Score:
    """Return the run's final score."""
    return [each for each in run.scores if each.sampling and each.sampling.selected == "final"][-1]


def scored(made: tuple[Tensor, Tensor | None], like: Run) -> Score:
    """Return the score of samples in stored form, and their labels, by the protocol of a run."""
    samples, labels = made
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.npz"
        named = {} if labels is None else {"labels": labels.numpy()}
        np.savez(file, samples=samples.numpy(), **named)
        return score_like(file, like)


def seconds(run: Run) -> float:
    """Return the time from the first to the last event of the run's last attempt."""
    times = [datetime.fromisoformat(event["time"]) for event in run.directory.events()]
    return (times[-1] - times[0]).total_seconds()


def pixel_gaussian(train: Tensor, samples: int, seed: int = 0) -> Tensor:
    """Return samples of a Gaussian with the pixels' mean and covariance, clamped and rounded."""
    pixels = train.flatten(1).double()
    covariance = torch.cov(pixels.T) + 1e-6 * torch.eye(pixels.shape[1])
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(samples, pixels.shape[1], dtype=torch.float64, generator=generator)
    drawn = pixels.mean(0) + noise @ torch.linalg.cholesky(covariance).T
    return drawn.clamp(0, 255).round().to(torch.uint8).unflatten(1, train.shape[1:])
