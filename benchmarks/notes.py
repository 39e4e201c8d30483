"""GANs of notes beside held-out notes, an untrained generator and noise of the same spectrum.

    python benchmarks/notes.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/notes]

The noise has the mean power spectrum of the training notes, and phases at random: a baseline that
every model has to beat. CPU seconds are those of a run from its start to its last score; a run that
is finished already is not repeated, and has none.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from ganzoo_audio.spectra import spectrograms, waveforms
from leaderboard_yardsticks import held_out, untrained
from provenance import provenance
from torch import Tensor
from yardsticks import final_score, finished_run, scored

from ganzoo.components.data import tensors_of
from ganzoo.runs.score import Score
from ganzoo.training.run import Run

RECIPES = ("notes-wavegan", "notes-specgan")
NOISE_FROM = 1000
"""Clips whose mean power spectrum the noise has."""
COLUMNS = ("pitch_clear", "pitch_in_tune", "pitch_accuracy", "pitch_balance")


def shaped_noise(like: Run, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
    """Return noise with the mean power spectrum of the training clips, in stored form."""
    samples, labels = tensors_of(like.plan.dataset)
    clips = waveforms(samples[:NOISE_FROM]).double()
    magnitude = torch.fft.rfft(clips).abs().square().mean(0).sqrt()  # (C, frequencies)
    generator = torch.Generator().manual_seed(seed)
    turns = torch.rand(count, *magnitude.shape, dtype=torch.float64, generator=generator)
    spectrum = torch.polar(magnitude.expand_as(turns).contiguous(), 2 * torch.pi * turns)
    noise = torch.fft.irfft(spectrum, clips.shape[2]).float().clamp(-1, 1)
    stored = spectrograms(noise, like.plan.spec.shape[1]) if samples.dim() == 4 else noise
    return stored, None if labels is None else labels[:count]


BASELINES = {"held-out notes": held_out, "untrained": untrained, "shaped noise": shaped_noise}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", default=RECIPES)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/notes"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{provenance('torch')}\n\n| recipe | seed | FD, log-mel | clear pitch | in tune "
        "| note asked for | balance | CPU s |\n|:--|:--|--:|--:|--:|--:|--:|--:|",
        flush=True,
    )
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
    print(
        f"| {recipe} | {which} | {score.value:.1f} | {' | '.join(numbers)} | {seconds} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
