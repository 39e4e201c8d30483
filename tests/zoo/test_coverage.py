from math import prod

import pytest
import torch
from ganzoo_zoo.metrics.coverage import DensityCoverage, PrecisionRecall
from ganzoo_zoo.metrics.neighbours import nearest, squared_distances, squared_radii
from torch import Tensor

from ganzoo.api import DataError, Evaluated


def side(features: Tensor) -> Evaluated:
    return Evaluated(features, samples=features)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_pairs(a: Tensor, b: Tensor) -> Tensor:
    return (a[:, None] - b[None]).double().square().sum(-1)


@pytest.mark.parametrize("numbers", [1, 50, 10**6])
def test_distances_in_blocks_are_those_of_all_pairs(
    numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo_zoo.metrics.neighbours.NUMBERS", numbers)
    monkeypatch.setattr("ganzoo_zoo.metrics.neighbours.COLUMNS", 9)
    a, b = normal(23, 5, seed=1), normal(31, 5, seed=2) + 100
    pairs = by_pairs(a, b)
    parts = [(rows, block.clone()) for rows, block in squared_distances(a, b)]
    torch.testing.assert_close(torch.cat([block for _, block in parts]), pairs)
    assert torch.equal(torch.cat([pairs[rows] for rows, _ in parts]), pairs)
    torch.testing.assert_close(nearest(a, b), pairs.amin(1).sqrt())
    own = by_pairs(a, a).sort(1).values
    torch.testing.assert_close(squared_radii(a, 3), own[:, 3], rtol=1e-5, atol=0)


def test_equal_samples_have_distance_zero_despite_rounding() -> None:
    a = normal(40, 64, seed=1) * 1000
    again = a * (1 + 1e-6 * normal(40, 64, seed=2))
    assert torch.equal(nearest(again, a), torch.zeros(40).double())


def test_precision_and_recall_are_those_of_all_pairs() -> None:
    x, y = normal(60, 2, seed=1), normal(50, 2, seed=2) * 0.8 + 1
    distances = by_pairs(y, x)
    real, fake = (by_pairs(t, t).sort(1).values[:, 3] for t in (x, y))
    numbers = PrecisionRecall()(side(x), side(y))
    assert numbers == {
        "precision": (distances <= real).any(1).double().mean().item(),
        "recall": (distances <= fake[:, None]).any(0).double().mean().item(),
    }
    assert 0 < numbers["recall"] < 1
    assert 0 < numbers["precision"] < 1


def test_dropped_modes_cost_recall_and_noise_costs_precision() -> None:
    # Two clouds far apart: G makes one of them well, and as much of nothing real.
    clouds = torch.cat([normal(200, 3, seed=1), normal(200, 3, seed=2) + 50])
    half, far = normal(200, 3, seed=3), normal(200, 3, seed=4) - 50
    numbers = PrecisionRecall()(side(clouds), side(half))
    assert numbers["precision"] > 0.9
    assert numbers["recall"] == pytest.approx(0.5, abs=0.03)
    numbers = PrecisionRecall()(side(clouds), side(torch.cat([half, far])))
    assert numbers["precision"] == pytest.approx(0.5, abs=0.03)
    numbers = DensityCoverage()(side(clouds), side(half))
    assert numbers["coverage"] == pytest.approx(0.5, abs=0.03)


def test_copies_are_inside_everything() -> None:
    x = normal(50, 4, seed=1)
    assert PrecisionRecall()(side(x), side(x)) == {"precision": 1, "recall": 1}
    assert DensityCoverage()(side(x), side(x))["coverage"] == 1
    collapsed = x[:1].repeat(50, 1)
    assert PrecisionRecall()(side(x), side(collapsed)) == {"precision": 1, "recall": 0.02}


def test_two_sets_of_one_distribution_have_the_density_and_the_coverage_of_the_paper() -> None:
    m, n, k = 400, 300, 5
    pairs = [(side(normal(m, 3, seed=s)), side(normal(n, 3, seed=-s))) for s in range(1, 21)]
    draws = [DensityCoverage()(*pair) for pair in pairs]
    coverage = torch.tensor([numbers["coverage"] for numbers in draws])
    expected = 1 - prod((m - i) / (m + n - i) for i in range(1, k + 1))
    assert coverage.mean() == pytest.approx(expected, abs=4 * coverage.std().item() / 20**0.5)
    density = torch.tensor([numbers["density"] for numbers in draws])
    assert density.mean() == pytest.approx(1, abs=4 * density.std().item() / 20**0.5)


@pytest.mark.parametrize("metric", [PrecisionRecall(k=5), DensityCoverage(k=5)])
def test_fewer_samples_than_neighbours_are_refused(
    metric: PrecisionRecall | DensityCoverage,
) -> None:
    with pytest.raises(DataError, match="needs 5 neighbours, and one side has only 5 samples"):
        metric(side(normal(9, 2, seed=0)), side(normal(5, 2, seed=0)))
