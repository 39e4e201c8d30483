"""Score the leaderboard's yardsticks: samples that no trained model made, under its protocol.

For each data set: held-out real images, an untrained generator, a Gaussian with the mean and
covariance of the training pixels, a memoriser, which returns training images drawn with
replacement, and ten training images repeated, which cover nothing else. Yardsticks are rows with a
score and without a rank.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from yardsticks import pixel_gaussian

from ganzoo.components.build import make
from ganzoo.components.data import tensors_of
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.assemble import make_step
from ganzoo.training.external_scores import Keep, score_like
from ganzoo.training.launch import prepare
from ganzoo.training.processes import find_processes
from ganzoo.training.run import Run

LIKE = {
    "digits": "digits-dcgan-hinge",
    "emoji": "emoji-dcgan-hinge",
    "shapes": "shapes-dcgan-r1",
}
"""Data set → the recipe by whose protocol its yardsticks are scored."""
SEEDS = (0, 1, 2)

Samples = tuple[Tensor, Tensor | None]
"""Samples in stored form, and the labels (N,) of those that have some."""
Maker = Callable[[Run, int, int], Samples]


def held_out(like: Run, count: int, seed: int) -> Samples:
    samples, labels = tensors_of(make(like.plan.components["dataset",], "test"))
    return samples[:count], None if labels is None else labels[:count]


def untrained(like: Run, count: int, seed: int) -> Samples:
    plan = prepare(like.plan.recipe.name, [f"seed={seed}"])
    processes = find_processes()
    step = make_step(plan, processes)
    generator = step.parts.generator.eval()
    labels = None
    if plan.recipe.settings.conditional:
        labels = torch.arange(count) % plan.spec.classes
    sampler = Sampler(generator, plan.spec, step.parts.latent, None, processes.device)
    return sampler.sample(count, seed=seed, labels=labels), labels


def gaussian(like: Run, count: int, seed: int) -> Samples:
    return pixel_gaussian(tensors_of(like.plan.dataset)[0], count, seed), None


def memoriser(like: Run, count: int, seed: int) -> Samples:
    samples, labels = tensors_of(like.plan.dataset)
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(samples), (count,), generator=generator)
    return samples[rows], None if labels is None else labels[rows]


def repeated(like: Run, count: int, seed: int) -> Samples:
    samples, labels = tensors_of(like.plan.dataset)
    rows = _permutation(len(samples), seed)[:REPEATED][torch.arange(count) % REPEATED]
    return samples[rows], None if labels is None else labels[rows]


def _permutation(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


HELD_OUT = "held-out"
"""The yardstick of one seed: the first images of the held-out split, whatever the seed."""

REPEATED = 10
"""Number of images that `repeated` repeats."""

YARDSTICKS: dict[str, tuple[Maker, str]] = {
    HELD_OUT: (held_out, "real images that are not in the training split"),
    "untrained": (untrained, "the generator of {recipe} as it is initialised"),
    "pixel-gaussian": (gaussian, "a Gaussian with the training pixels' mean and covariance"),
    "memoriser": (memoriser, "training images, drawn with replacement"),
    "ten-images": (repeated, "ten training images, repeated"),
}


def measure(runs_directory: Path) -> None:
    """Score the yardsticks that have no record yet, of each data set that was trained on."""
    known = {(run.info().get("name"), run.info().get("seed")) for run in _all(runs_directory)}
    for dataset, recipe in LIKE.items():
        if (recipe, 0) not in known:
            print(f"{dataset}: no yardsticks, for there is no run of {recipe} with seed 0")
            continue
        like = Run(RunDirectory.find(f"{recipe}-s0", runs_directory))
        for kind, (make_samples, words) in YARDSTICKS.items():
            for seed in SEEDS:
                keep = Keep(
                    f"{dataset}-{kind}", runs_directory, seed, True, words.format(recipe=recipe)
                )
                if (keep.name, seed) not in known and not (kind == HELD_OUT and seed):
                    count = like.plan.budget.final_samples
                    made = make_samples(like, count, seed)
                    if len(made[0]) < count:
                        print(f"{keep.name}: left out, {len(made[0])} samples instead of {count}")
                        continue
                    _score(made, like, keep)


def _all(runs_directory: Path) -> list[RunDirectory]:
    return RunDirectory.all(runs_directory)


def _score(made: Samples, like: Run, keep: Keep) -> None:
    samples, labels = made
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.npz"
        named = {} if labels is None else {"labels": labels.cpu().numpy()}
        np.savez(file, samples=samples.cpu().numpy(), **named)
        score = score_like(file, like, keep=keep)
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in score.metrics.items())
    print(f"{keep.name} seed {keep.seed}: {score.value:.4g}  {numbers}", flush=True)
