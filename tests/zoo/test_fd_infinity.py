import pytest
import torch
from ganzoo_zoo.metrics.fd_infinity import FDInfinity, intercept
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.nn import Moments, frechet_distance


def side(features: Tensor) -> Evaluated:
    return Evaluated(features, samples=features)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_intercept_is_that_of_a_known_line() -> None:
    x = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)
    assert intercept(x, 3 + 5 * x) == pytest.approx(3)
    assert intercept(x, torch.tensor([1.0, 2.0, 3.0]).double()) == pytest.approx(0.5)


def test_it_is_the_distance_of_the_distributions_without_the_bias_of_few_samples() -> None:
    """Against exact moments of N(0, 1), samples of N(0.3, 1) in 10 dimensions are at 10 * 0.09."""
    real = torch.cat([torch.eye(10), -torch.eye(10)]).repeat(500, 1)  # mean 0, equal variances
    real = real / Moments.of(real).covariance.diagonal().mean().sqrt().float()
    made = normal(12, 1000, 10, seed=3) + 0.3
    plain = [frechet_distance(Moments.of(real), Moments.of(each)) for each in made]
    found = [FDInfinity()(side(real), side(each))["fd_infinity"] for each in made]
    bias = torch.tensor(plain).mean() - 0.9
    assert abs(torch.tensor(found).mean() - 0.9) < 0.5 * abs(bias) + 0.03
    assert torch.tensor(found).mean() < torch.tensor(plain).mean()


def test_it_does_not_depend_on_the_order_of_the_samples() -> None:
    real, fake = normal(500, 4, seed=1), normal(400, 4, seed=2)
    known = FDInfinity()(side(real), side(fake))["fd_infinity"]
    again = FDInfinity()(side(real), side(fake.flip(0)))["fd_infinity"]
    assert again == pytest.approx(known, rel=1e-9)


def test_too_few_samples_are_one_clear_error() -> None:
    with pytest.raises(DataError, match="needs 200 samples, two for each of 10 features"):
        FDInfinity()(side(normal(500, 10, seed=1)), side(normal(199, 10, seed=2)))
