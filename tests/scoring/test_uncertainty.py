"""Standard error and debiased distance, against the spread and the limit of many draws."""

from functools import cache

import pytest
import torch
from torch import Tensor

from ganzoo.moments import Moments, frechet_distance
from ganzoo.scoring.score_statistics import debiased, places_of, standard_error

CPU = torch.device("cpu")
SIZE = 8


@cache
def root_of_fake() -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(SIZE, SIZE, generator=generator, dtype=torch.float64) / SIZE**0.5


@cache
def reference() -> Moments:
    spread = torch.exp(-3 * torch.arange(SIZE).double() / SIZE)
    return Moments(torch.zeros(SIZE).double(), torch.diag(spread), 1000)


def fakes(n: int, seed: int, skewed: bool) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, SIZE, generator=generator, dtype=torch.float64) @ root_of_fake().T + 0.3
    return rows.relu() if skewed else rows


def places(n: int) -> Tensor:
    return torch.arange(n)


@pytest.mark.parametrize("skewed", [False, True])
def test_the_standard_error_is_the_spread_of_many_draws(skewed: bool) -> None:
    draws = [fakes(200, seed, skewed) for seed in range(200)]
    values = torch.tensor([frechet_distance(reference(), Moments.of(rows)) for rows in draws])
    errors = [standard_error(reference(), Moments.of(rows), rows) for rows in draws[:40]]
    # The spread of 200 draws is known to 5 %.
    assert sum(errors) / 40 == pytest.approx(values.std().item(), rel=0.15)
    covered = (values[:40] - values.mean()).abs() < 1.96 * torch.tensor(errors)
    assert covered.double().mean() > 0.85


@pytest.mark.parametrize("skewed", [False, True])
def test_the_debiased_distances_of_parts_agree_with_the_distance_of_the_whole(skewed: bool) -> None:
    # The whole is all the draws together, so that their errors cancel from the difference.
    everything = fakes(10_000, 1, skewed)
    limit = frechet_distance(reference(), Moments.of(everything))
    draws = everything.split(50)
    raw = [frechet_distance(reference(), Moments.of(rows)) for rows in draws]
    cured = [debiased(reference(), Moments.of(rows), rows, places(50)) for rows in draws]
    assert None not in cured
    bias = sum(raw) / len(draws) - limit
    left = sum(cured) / len(draws) - limit  # type: ignore[arg-type]
    assert abs(left) < 0.2 * bias


def test_in_one_dimension_the_standard_error_is_the_delta_method() -> None:
    # With unit variance on the real side f(x) = 2 m (x - m) + (x - m)^2 (1 - 1/s).
    rows = fakes(500, 0, skewed=True)[:, :1]
    real = Moments(torch.zeros(1).double(), torch.eye(1).double(), 100)
    fake = Moments.of(rows)
    m, s = fake.mean[0], fake.covariance[0, 0].sqrt()
    f = 2 * m * (rows - m) + (rows - m).square() * (1 - 1 / s)
    expected = f.std().item() / 500**0.5
    assert standard_error(real, fake, rows) == pytest.approx(expected, rel=1e-9)


def test_the_jackknife_removes_all_bias_that_is_linear_in_1_over_n() -> None:
    # One feature, one constant reference: the distance is m^2 + the unbiased variance.
    rows = fakes(200, 0, skewed=False)[:, :1]
    real = Moments(torch.zeros(1).double(), torch.zeros(1, 1).double(), 100)
    fake = Moments.of(rows)
    expected = fake.mean.square() + fake.covariance[0, 0] - fake.covariance[0, 0] / 200
    value = debiased(real, fake, rows, places(200))
    assert value == pytest.approx(expected.item(), rel=0.02)


@pytest.mark.parametrize("n", [2, 10, 40])
def test_few_samples_and_flat_directions_have_a_finite_standard_error(n: int) -> None:
    rows = fakes(n, 0, skewed=False)
    rows[:, 3] = 1
    flat = Moments(torch.zeros(SIZE).double(), torch.zeros(SIZE, SIZE).double(), 100)
    for real in (reference(), flat):
        error = standard_error(real, Moments.of(rows), rows)
        assert 0 < error < 10


def test_a_collapsed_generator_has_no_standard_error() -> None:
    rows = fakes(1, 0, skewed=False).repeat(60, 1)
    assert standard_error(reference(), Moments.of(rows), rows) == pytest.approx(0, abs=1e-9)


def test_there_is_no_debiased_distance_below_two_samples_per_feature_or_below_twenty() -> None:
    rows = fakes(19, 0, skewed=False)
    assert debiased(reference(), Moments.of(rows), rows, places(19)) is None
    rows = fakes(20, 0, skewed=False)
    assert debiased(reference(), Moments.of(rows), rows, places(20)) is not None


def test_places_follow_the_keys_and_not_the_order() -> None:
    keys = torch.tensor([30, 10, 20, 10])
    assert places_of(keys, CPU).tolist() == [3, 0, 2, 1]
    assert places_of(keys[:0], CPU).tolist() == []


@pytest.mark.parametrize("n", [2, 10, 31])
@pytest.mark.parametrize("rank", [32, 5])
def test_fewer_samples_than_features_have_the_standard_error_of_the_full_matrices(
    n: int, rank: int
) -> None:
    generator = torch.Generator().manual_seed(n)
    wide = torch.randn(rank, 32, generator=generator, dtype=torch.float64)
    real = Moments.of(torch.randn(200, rank, generator=generator, dtype=torch.float64) @ wide)
    rows = torch.randn(n, 32, generator=generator, dtype=torch.float64) * 2 + 1
    fake = Moments.of(rows)
    f = real.factor
    values, vectors = torch.linalg.eigh(f.T @ fake.covariance @ f)
    kept = values > 1e-10 * values[-1]
    carried = f @ vectors[:, kept] @ values[kept].pow(-0.5).diag() @ vectors[:, kept].T @ f.T
    x = rows - fake.mean
    influence = 2 * x @ (fake.mean - real.mean) + x.square().sum(1)
    influence -= torch.einsum("ni,ij,nj->n", x, carried, x)
    expected = influence.std().item() / n**0.5
    assert standard_error(real, fake, rows) == pytest.approx(expected, rel=1e-7)
