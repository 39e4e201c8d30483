"""GANs of notes beside held-out notes, an untrained generator and noise of the same spectrum.

    python benchmarks/notes.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/notes]

The noise has the mean power spectrum of the training notes, and phases at random: a baseline that
every model has to beat. CPU seconds are those of a run from its start to its last score.
"""

from __future__ import annotations

import torch
from beside import print_table
from ganzoo_audio.spectra import spectrograms, waveforms
from leaderboard_yardsticks import Samples, held_out, untrained

from ganzoo.components.data import tensors_of
from ganzoo.training.run import Run

RECIPES = ("notes-wavegan", "notes-specgan")
NOISE_FROM = 1000
"""Clips whose mean power spectrum the noise has."""
COLUMNS = {
    "clear pitch": "pitch_clear",
    "in tune": "pitch_in_tune",
    "note asked for": "pitch_accuracy",
    "balance": "pitch_balance",
}


def shaped_noise(like: Run, count: int, seed: int) -> Samples:
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


if __name__ == "__main__":
    print_table(__doc__, RECIPES, BASELINES, COLUMNS, "runs/notes")
