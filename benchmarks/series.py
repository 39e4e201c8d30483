"""GANs of series beside held-out windows, an untrained generator and two baselines.

    python benchmarks/series.py [RECIPE…] [--seeds 0,1,2] [--runs-dir runs/series]

Independent steps are the values of the training windows in any order. Surrogates are training
windows with their power spectrum and phases at random, the same ones for all channels: they keep
what is linear in a window, as far as it repeats itself after its end. CPU seconds are those of a
run from its start to its last score.
"""

from __future__ import annotations

import torch
from beside import print_table
from ganzoo_table.series.metrics.sides import independent
from leaderboard_yardsticks import Samples, held_out, untrained

from ganzoo.components.data import tensors_of
from ganzoo.training.run import Run

RECIPES = ("ar2-tcn", "ar2-rcgan", "sines-tcn")
COLUMNS = {
    "C2ST": "feature_c2st",
    "autocorrelation": "autocorrelation",
    "cross-correlation": "cross_correlation",
    "spectrum, dB": "spectrum_decibels",
    "marginal KS": "marginal_ks",
    "AR error": "ar_error",
    "disturbance KS": "ar_disturbance_ks",
}


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


BASELINES = {
    "held-out windows": held_out,
    "untrained": untrained,
    "independent steps": independent_steps,
    "surrogates": surrogates,
}


if __name__ == "__main__":
    print_table(__doc__, RECIPES, BASELINES, COLUMNS, "runs/series")
