"""GANs of series beside held-out windows, an untrained generator and two baselines.

    python benchmarks/series.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/series]

Independent steps are the values of the training windows in any order. Surrogates are training
windows with their power spectrum and phases at random, the same ones for all channels: they keep
what is linear in a window, as far as it repeats itself after its end. CPU seconds are those of a
run from its start to its last score; a run that is finished already is not repeated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from ganzoo_table.series.metrics.sides import independent
from leaderboard_yardsticks import Samples, held_out, untrained
from provenance import provenance
from yardsticks import final_score, finished_run, scored

from ganzoo.components.data import tensors_of
from ganzoo.runs.score import Score
from ganzoo.training.run import Run

RECIPES = ("ar2-tcn", "ar2-rcgan", "sines-tcn")
COLUMNS = (
    "feature_c2st",
    "autocorrelation",
    "cross_correlation",
    "spectrum_decibels",
    "marginal_ks",
    "ar_error",
    "ar_disturbance_ks",
)


def independent_steps(like: Run, count: int, seed: int) -> Samples:
    windows, _ = tensors_of(like.plan.dataset)
    return torch.from_numpy(independent(windows.numpy()))[:count], None


def surrogates(like: Run, count: int, seed: int) -> Samples:
    windows = tensors_of(like.plan.dataset)[0][:count]
    generator = torch.Generator().manual_seed(seed)
    spectrum = torch.fft.rfft(windows)
    angles = 2 * torch.pi * torch.rand(len(windows), 1, spectrum.shape[2], generator=generator)
    angles[..., 0] = angles[..., -1] = 0  # the mean, and the fastest wave, are real
    return torch.fft.irfft(spectrum * torch.polar(torch.ones(()), angles), windows.shape[2]), None


BASELINES: dict[str, Callable[[Run, int, int], Samples]] = {
    "held-out windows": held_out,
    "untrained": untrained,
    "independent steps": independent_steps,
    "surrogates": surrogates,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", default=RECIPES)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/series"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    heads = " | ".join(name.replace("_", " ") for name in COLUMNS)
    rule = "--:|" * (len(COLUMNS) + 2)
    print(f"{provenance('torch')}\n\n| recipe | seed | FD | {heads} | CPU s |\n|:--|:--|{rule}")
    for recipe in chosen.recipes:
        runs = []
        for seed in map(int, chosen.seeds.split(",")):
            began = time.process_time()
            runs.append(finished_run(recipe, seed, chosen.runs_dir))
            show(recipe, str(seed), final_score(runs[-1]), f"{time.process_time() - began:.0f}")
        for name, make in BASELINES.items():
            made = make(runs[0], runs[0].plan.budget.final_samples, 0)
            show(recipe, name, scored(made, runs[0]))


def show(recipe: str, which: str, score: Score, seconds: str = "") -> None:
    numbers = [f"{score.metrics[name]:.3f}" if name in score.metrics else "" for name in COLUMNS]
    print(f"| {recipe} | {which} | {score.value:.1f} | {' | '.join(numbers)} | {seconds} |")


if __name__ == "__main__":
    main()
