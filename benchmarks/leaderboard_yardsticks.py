"""Score the leaderboard's yardsticks: samples that no trained model made, under its protocol.

For each data set: an untrained generator, a Gaussian with the mean and covariance of the training
pixels, and a memoriser, which returns training images drawn with replacement. Yardsticks are rows
with a score and without a rank.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from yardsticks import pixel_gaussian

from ganzoo.components.data import tensors_of
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.assemble import make_step
from ganzoo.training.external_scores import Keep, score_like
from ganzoo.training.launch import prepare
from ganzoo.training.processes import find_processes
from ganzoo.training.run import Run

LIKE = {"digits": "digits-dcgan-hinge", "shapes": "shapes-dcgan-hinge"}
"""Data set → the recipe by whose protocol its yardsticks are scored."""
SEEDS = (0, 1, 2)

Maker = Callable[[Run, int, int], Tensor]


def untrained(like: Run, count: int, seed: int) -> Tensor:
    plan = prepare(like.plan.recipe.name, [f"seed={seed}"])
    processes = find_processes()
    step = make_step(plan, processes)
    generator = step.parts.generator.eval()
    sampler = Sampler(generator, plan.spec, step.parts.latent, None, processes.device)
    return sampler.sample(count, seed=seed)


def gaussian(like: Run, count: int, seed: int) -> Tensor:
    return pixel_gaussian(tensors_of(like.plan.dataset)[0], count, seed)


def memoriser(like: Run, count: int, seed: int) -> Tensor:
    train, _ = tensors_of(like.plan.dataset)
    generator = torch.Generator().manual_seed(seed)
    return train[torch.randint(len(train), (count,), generator=generator)]


YARDSTICKS: dict[str, tuple[Maker, str]] = {
    "untrained": (untrained, "the generator of {recipe} as it is initialised"),
    "pixel-gaussian": (gaussian, "a Gaussian with the training pixels' mean and covariance"),
    "memoriser": (memoriser, "training images, drawn with replacement"),
}


def measure(runs_directory: Path) -> None:
    """Score every yardstick that has no record yet."""
    known = {(run.info().get("name"), run.info().get("seed")) for run in _all(runs_directory)}
    for dataset, recipe in LIKE.items():
        name = f"{recipe}-s0"
        like = Run(RunDirectory.find(name, runs_directory))
        for kind, (make, words) in YARDSTICKS.items():
            for seed in SEEDS:
                keep = Keep(
                    f"{dataset}-{kind}", runs_directory, seed, True, words.format(recipe=recipe)
                )
                if (keep.name, seed) not in known:
                    samples = make(like, like.plan.budget.final_samples, seed)
                    _score(samples, like, keep)


def _all(runs_directory: Path) -> list[RunDirectory]:
    return RunDirectory.all(runs_directory)


def _score(samples: Tensor, like: Run, keep: Keep) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.npz"
        np.savez(file, samples=samples.cpu().numpy())
        score = score_like(file, like, keep=keep)
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in score.metrics.items())
    print(f"{keep.name} seed {keep.seed}: {score.value:.4g}  {numbers}", flush=True)
