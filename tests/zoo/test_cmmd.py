from math import exp

import pytest
import torch
from ganzoo_zoo.metrics.cmmd import CMMD
from torch import Tensor
from torch.nn.functional import normalize

from ganzoo.api import Evaluated


def side(features: Tensor) -> Evaluated:
    return Evaluated(features, samples=features)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_two_orthogonal_points_are_at_the_value_that_their_distance_gives() -> None:
    one, other = 3 * torch.eye(2)[:1].repeat(5, 1), 9 * torch.eye(2)[1:].repeat(7, 1)
    expected = 1000 * (2 - 2 * exp(-2 / 200))
    assert CMMD()(side(one), side(other))["cmmd"] == pytest.approx(expected, rel=1e-6)
    assert CMMD()(side(one), side(one))["cmmd"] == 0


def test_it_is_the_sum_over_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo_zoo.metrics.neighbours.NUMBERS", 50)
    real, fake = normal(40, 6, seed=1), normal(30, 6, seed=2) + 1
    x, y = (normalize(each.double(), dim=1) for each in (real, fake))

    def mean(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-torch.cdist(a, b).square() / (2 * 0.5**2)).mean()

    expected = 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))
    found = CMMD(sigma=0.5)(side(real), side(fake))["cmmd"]
    assert found == pytest.approx(expected.item(), rel=1e-5)
