"""The floor: what samples of one law score against each other, by simulation."""

import pytest
import torch
from torch import Tensor

from ganzoo.moments import Moments, frechet_distance
from ganzoo.scoring.score_statistics import expected_score_of_real, lost_root


def spectrum(size: int) -> Tensor:
    """Eigenvalues that fall over two orders of magnitude."""
    return torch.exp(-4 * torch.arange(size).double() / size)


def law(size: int, m: int) -> Moments:
    return Moments(torch.zeros(size).double(), torch.diag(spectrum(size)), m)


def simulated(size: int, n: int, m: int, draws: int) -> tuple[float, float]:
    """Return mean and standard error of the distance of n and m draws of one Gaussian."""
    generator = torch.Generator().manual_seed(0)

    def sample(count: int) -> Moments:
        rows = torch.randn(count, size, generator=generator, dtype=torch.float64)
        return Moments.of(rows * spectrum(size).sqrt())

    values = torch.tensor([frechet_distance(sample(n), sample(m)) for _ in range(draws)])
    return values.mean().item(), (values.std() / draws**0.5).item()


@pytest.mark.parametrize(
    ("size", "n", "m"),
    [(2, 100, 100), (8, 60, 90), (12, 150, 150), (16, 16, 300), (16, 10, 300), (16, 25, 10)],
)
def test_the_floor_is_what_draws_of_one_gaussian_score(size: int, n: int, m: int) -> None:
    mean, error = simulated(size, n, m, draws=100)
    assert expected_score_of_real(law(size, m), n) == pytest.approx(mean, abs=4 * error, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(64, 2000), (40, 2000), (40, 30), (599, 599)])
def test_the_floor_is_right_to_two_percent_for_many_features(n: int, m: int) -> None:
    mean, _ = simulated(64, n, m, draws=60)
    assert expected_score_of_real(law(64, m), n) == pytest.approx(mean, rel=0.02)


def test_with_many_samples_the_floor_is_the_second_order_perturbation() -> None:
    values = spectrum(24)
    pairs = values[:, None] * values / (values[:, None] + values)
    expected = values.sum() + pairs.sum() / 2 + values.sum() / 4
    n, m = 2_000_000, 1_000_000
    floor = expected_score_of_real(law(24, m), n)
    assert floor == pytest.approx(expected.item() * (1 / n + 1 / m), rel=1e-4)


@pytest.mark.parametrize("n", [10, 30, 64, 1000])
def test_equal_eigenvalues_have_the_trace_of_the_marchenko_pastur_law(n: int) -> None:
    # Of d eigenvalues 1 and m without end, E tr B^(1/2) = d * integral of x^(1/2) by their density.
    d = 64
    ratio = d / n
    low, high = (1 - ratio**0.5) ** 2, (1 + ratio**0.5) ** 2
    angle = (torch.arange(20_000).double() + 0.5) / 20_000 * torch.pi
    x = (low + high) / 2 + (high - low) / 2 * torch.cos(angle)
    density = ((high - x) * (x - low)).clamp(min=0).sqrt() / (2 * torch.pi * ratio * x)
    measure = (high - low) / 2 * torch.sin(angle) * torch.pi / 20_000
    root = d * (x.sqrt() * density * measure).sum().item()
    lost = lost_root(torch.ones(d).double(), n, 10**12)
    assert d - lost == pytest.approx(root, rel=1e-6)


def test_the_floor_is_symmetric_in_both_numbers_of_samples() -> None:
    values = spectrum(40)
    assert lost_root(values, 25, 90) == pytest.approx(lost_root(values, 90, 25), rel=1e-12)


def test_empty_directions_and_units_change_nothing() -> None:
    covariance = torch.diag(spectrum(12))
    wide = torch.zeros(20, 20).double()
    wide[:12, :12] = covariance * 9
    floor = expected_score_of_real(Moments(torch.zeros(20).double(), wide, 80), 50)
    assert floor == pytest.approx(9 * expected_score_of_real(law(12, 80), 50), rel=1e-8)


def test_a_reference_of_equal_samples_has_floor_zero() -> None:
    nothing = torch.zeros(5, 5).double()
    assert expected_score_of_real(Moments(torch.zeros(5).double(), nothing, 80), 50) == 0
