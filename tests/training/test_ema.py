"""The average of the generator."""

import pytest
import torch
from torch import nn

from ganzoo.training.ema import Ema


def test_the_share_of_a_weight_halves_in_a_half_life() -> None:
    network = nn.Linear(1, 1, bias=False)
    ema = Ema(network, half_life_samples=1000)
    before = ema.module.weight.item()
    with torch.no_grad():
        network.weight += 1.0
    for _ in range(20):
        ema.update(network, samples=50, samples_seen=10**6)
    assert ema.module.weight.item() == pytest.approx(before + 0.5, abs=1e-5)


def test_ramp_up_bounds_the_half_life_by_the_samples_seen() -> None:
    ema = Ema(nn.Linear(1, 1), half_life_samples=10_000, ramp_up=0.05)
    assert ema.beta(64, 2000) == pytest.approx(0.5 ** (64 / 100))
    assert ema.beta(64, 10**9) == pytest.approx(0.5 ** (64 / 10_000))
    assert ema.beta(64, 0) == 0.0


def test_statistics_are_averaged_and_counters_copied() -> None:
    norm = nn.BatchNorm2d(2)
    ema = Ema(norm, half_life_samples=64)
    norm(torch.randn(4, 2, 3, 3) + 5)
    ema.update(norm, samples=64, samples_seen=64)
    torch.testing.assert_close(ema.module.running_mean, norm.running_mean / 2)
    assert ema.module.num_batches_tracked == 1


def test_the_average_is_in_eval_mode_and_learns_nothing_itself() -> None:
    ema = Ema(nn.Linear(2, 2), half_life_samples=10)
    assert not ema.module.training
    assert not any(parameter.requires_grad for parameter in ema.module.parameters())
