import pytest
import torch
from ganzoo_zoo.metrics.kid import Kid, KidSubsets
from torch import Tensor
from torchmetrics.image.kid import poly_mmd

from ganzoo.api import DataError, Evaluated


def side(features: Tensor) -> Evaluated:
    return Evaluated(features, samples=features)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_unbiased_estimate_of_torchmetrics_over_all_pairs() -> None:
    real, fake = normal(300, 8, seed=1), normal(300, 8, seed=2) * 1.2 + 0.3
    expected = poly_mmd(real.double(), fake.double()).item()
    assert Kid()(side(real), side(fake))["kid"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_blocks_of_any_size_add_up_to_the_sum_over_all_pairs(
    degree: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo_zoo.metrics.kid.BLOCK", 7)
    x, y = normal(20, 3, seed=1).double(), normal(31, 3, seed=2).double()

    def mean(a: Tensor, b: Tensor, own: bool) -> Tensor:
        k = (a @ b.T / 3 + 1) ** degree
        return (k.sum() - (k.trace() if own else 0)) / (k.numel() - (len(a) if own else 0))

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    numbers = Kid(degree=degree)(side(x.float()), side(y.float()))
    assert numbers["kid"] == pytest.approx(expected.item(), rel=1e-5)


def test_a_linear_kernel_gives_the_squared_distance_of_the_means() -> None:
    # E k = (1 + |m|^2 / D) on one side, so the distance is |m - m'|^2 / D.
    real, fake = normal(4000, 4, seed=1), normal(4000, 4, seed=2) + 1
    numbers = Kid(degree=1)(side(real), side(fake))
    assert numbers["kid"] == pytest.approx(1, abs=4 * numbers["kid_standard_error"])


def test_for_sets_of_one_distribution_it_is_zero_on_average_and_its_error_is_the_spread() -> None:
    real = normal(200, 6, seed=0)
    draws = [Kid()(side(real), side(normal(200, 6, seed=seed) + 0.2)) for seed in range(1, 121)]
    values = torch.tensor([numbers["kid"] for numbers in draws])
    errors = torch.tensor([numbers["kid_standard_error"] for numbers in draws])
    assert errors.mean() == pytest.approx(values.std().item(), rel=0.2)
    same = [
        Kid()(side(normal(200, 6, seed=-s)), side(normal(200, 6, seed=s)))["kid"]
        for s in range(1, 121)
    ]
    assert abs(torch.tensor(same).mean()) < 3 * torch.tensor(same).std() / 120**0.5


def test_the_standard_error_is_that_of_leaving_one_sample_out() -> None:
    real, fake = normal(12, 3, seed=1), normal(9, 3, seed=2)
    kept = [torch.arange(9) != left_out for left_out in range(9)]
    without = torch.tensor([Kid()(side(real), side(fake[rows]))["kid"] for rows in kept]).double()
    expected = (8 / 9 * (without - without.mean()).square().sum()).sqrt().item()
    numbers = Kid()(side(real), side(fake))
    assert numbers["kid_standard_error"] == pytest.approx(expected, rel=1e-6)


def test_two_samples_are_too_few() -> None:
    with pytest.raises(DataError, match="2 real and 3 generated samples, not 5 and 2"):
        Kid()(side(normal(5, 2, seed=0)), side(normal(2, 2, seed=0)))


def test_one_subset_of_all_samples_is_the_estimate_over_all_pairs() -> None:
    real, fake = side(normal(60, 4, seed=1)), side(normal(60, 4, seed=2) + 0.5)
    numbers = KidSubsets(subsets=1, size=60)(real, fake)
    assert numbers["kid_subsets"] == pytest.approx(Kid()(real, fake)["kid"], rel=1e-9)
    assert numbers["kid_subsets_sd"] == 0


def test_the_mean_over_many_subsets_is_that_over_all_pairs() -> None:
    real, fake = side(normal(300, 4, seed=1)), side(normal(200, 4, seed=2) + 0.5)
    numbers = KidSubsets(subsets=400, size=50)(real, fake)
    error = numbers["kid_subsets_sd"] / 400**0.5
    assert numbers["kid_subsets"] == pytest.approx(Kid()(real, fake)["kid"], abs=4 * error)


def test_subsets_do_not_depend_on_the_order_of_the_samples() -> None:
    real, fake = normal(90, 4, seed=1), normal(80, 4, seed=2)
    known = KidSubsets(subsets=5, size=20)(side(real), side(fake))
    assert KidSubsets(subsets=5, size=20)(side(real.flip(0)), side(fake.flip(0))) == known
    assert KidSubsets(subsets=5, size=20, seed=1)(side(real), side(fake)) != known


def test_a_side_that_is_smaller_than_a_subset_is_one_clear_error() -> None:
    with pytest.raises(DataError, match="needs 1000 samples a side, and one has 20"):
        KidSubsets()(side(normal(20, 2, seed=1)), side(normal(2000, 2, seed=2)))
