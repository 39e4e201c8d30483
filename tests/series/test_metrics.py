"""Metrics of series on windows whose law is known."""

from statistics import NormalDist

import numpy as np
import pytest
import torch
from ganzoo_table.series.convolutions import RandomConvolutions
from ganzoo_table.series.datasets.ar2 import AR2
from ganzoo_table.series.metrics.coefficients import ARCoefficients, distance_to_normal
from ganzoo_table.series.metrics.dependence import (
    Autocorrelation,
    CrossCorrelation,
    correlations,
)
from ganzoo_table.series.metrics.detection import FeatureC2ST
from ganzoo_table.series.metrics.marginals import Marginals, kolmogorov_smirnov
from ganzoo_table.series.metrics.sides import independent
from ganzoo_table.series.metrics.spectrum import Spectrum

from ganzoo.api import DataError
from tests.series.sides import sides

PHI = ((1.2, -0.7), (0.6, 0.3))


def windows(split: str = "train", **about) -> np.ndarray:
    return AR2(split, **{"length": 5000, "phi": PHI, **about}).tensors()[0].numpy()


@pytest.fixture(scope="module")
def process() -> tuple[np.ndarray, np.ndarray]:
    return windows(), windows("test")


def test_autocorrelations_are_those_of_the_yule_walker_equations() -> None:
    found = correlations(windows(length=20_000), 3)
    for channel, (first, second) in enumerate(PHI):
        one = first / (1 - second)
        two = first * one + second
        wanted = [1, one, two, first * two + second * one]
        assert found[:, channel, channel] == pytest.approx(wanted, abs=0.01)


def test_a_correlation_at_a_lag_is_that_of_the_earlier_with_the_later() -> None:
    noise = np.random.default_rng(0).standard_normal((4000, 12))
    follows = np.stack([noise[:, 2:], noise[:, :-2]], 1)  # channel 1 is channel 0 two steps later
    found = correlations(follows, 3)
    assert found[:, 0, 1] == pytest.approx([0, 0, 1, 0], abs=0.02)
    assert found[:, 1, 0] == pytest.approx([0, 0, 0, 0], abs=0.02)


@pytest.mark.parametrize("metric", [Autocorrelation, CrossCorrelation, Spectrum, Marginals])
def test_equal_windows_are_at_distance_zero_and_held_out_ones_near(metric, process) -> None:
    real, test = process
    found = metric()(*sides(real, real, test))
    for name, value in found.items():
        if name.endswith("_held_out"):
            assert 0 < value < 0.2
            equal = name.removesuffix("_held_out")
            assert found[equal] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (Autocorrelation, "autocorrelation"),
        (Autocorrelation, "autocorrelation_absolute"),
        (CrossCorrelation, "cross_correlation"),
        (Spectrum, "spectrum_decibels"),
    ],
)
def test_independent_steps_are_far_and_known_as_such(metric, name: str, process) -> None:
    real, test = process
    found = metric()(*sides(real, independent(real), test))
    assert found[name] > 8 * found[f"{name}_held_out"]
    assert found[name] == pytest.approx(found[f"{name}_independent"])


def test_independent_steps_keep_the_values_of_each_channel(process) -> None:
    real = process[0]
    found = independent(real)
    assert np.array_equal(np.sort(found, axis=None), np.sort(real, axis=None))
    assert Marginals()(*sides(real, found))["marginal_ks"] == 0
    assert np.array_equal(independent(real[::-1]), found)


def test_twice_the_amplitude_is_six_decibels(process) -> None:
    real = process[0]
    assert Spectrum()(*sides(real, 2 * real))["spectrum_decibels"] == pytest.approx(
        6.0206, abs=1e-3
    )


def test_clusters_of_large_changes_show_in_the_absolute_values_alone() -> None:
    random = np.random.default_rng(0)
    calm = random.standard_normal((4000, 1, 20))
    clusters = calm * random.choice([0.3, 1.4], (4000, 1, 1))
    found = Autocorrelation()(*sides(calm, clusters))
    assert found["autocorrelation"] < 0.02
    assert found["autocorrelation_absolute"] > 0.2


def test_the_statistic_is_the_largest_difference_of_distribution_functions() -> None:
    assert kolmogorov_smirnov(np.array([0.0, 1, 2, 3]), np.array([0.0, 1, 10, 10])) == 0.5
    assert kolmogorov_smirnov(np.zeros(3), np.ones(5)) == 1


def test_one_channel_has_no_cross_correlation_and_no_hold_out_has_no_number(process) -> None:
    with pytest.raises(DataError, match="two channels"):
        CrossCorrelation()(*sides(process[0][:, :1], process[0][:, :1]))
    assert "spectrum_decibels_held_out" not in Spectrum()(*sides(*process))


def test_convolutions_see_order_and_level_and_no_scale() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.rand(50, 2, 24, generator=random).cumsum(2) / 24
    extract = RandomConvolutions()
    features = extract(x)
    assert torch.equal(features, RandomConvolutions()(x))
    assert features.shape == (50, 2 * 64 + 2 * 2)
    turned = extract(x.flip(2))
    assert torch.allclose(turned[:, :4], features[:, :4], atol=1e-5)
    assert (turned[:, 4:] - features[:, 4:]).abs().mean() > 0.1
    scaled = extract(0.1 * x + 0.3)
    assert torch.allclose(scaled[:, 4:], features[:, 4:], atol=1e-3)
    assert not torch.allclose(scaled[:, :4], features[:, :4], atol=0.1)


def test_a_constant_window_and_one_of_a_single_step_have_finite_features() -> None:
    for x in (torch.full((3, 1, 20), 0.5), torch.zeros(3, 2, 1)):
        assert RandomConvolutions()(x).isfinite().all()


def test_a_classifier_tells_windows_apart_only_if_their_features_differ(process) -> None:
    real, test = (each[:1500] for each in process)
    same = FeatureC2ST()(*sides(real, windows("test", seed=1)[:1500], test))
    assert same["feature_c2st"] == pytest.approx(0.5, abs=0.05)
    assert same["feature_c2st_held_out"] == pytest.approx(0.5, abs=0.05)
    other = FeatureC2ST()(*sides(real, real[:, ::-1] + 1, test))
    assert other["feature_c2st"] > 0.7
    with pytest.raises(DataError, match="needs 10 windows a side, and there are 9"):
        FeatureC2ST()(*sides(real, real[:9], test))


def test_the_truth_has_the_coefficients_and_another_process_has_others(process) -> None:
    real, test = process
    true = ARCoefficients(phi=PHI)(*sides(real, real, test))
    assert true["ar_error"] < 0.01
    assert true["ar_disturbance_ks"] < 0.01
    assert true["ar_disturbance_correlation"] < 0.01
    moved = windows(phi=((1.0, -0.7), (0.6, 0.1)))
    found = ARCoefficients(phi=PHI)(*sides(real, moved, test))
    assert found["ar_error"] == pytest.approx(0.1, abs=0.01)  # two of four are 0.2 off
    assert found["ar_error_held_out"] < 0.01
    louder = ARCoefficients(phi=PHI)(*sides(real, 2 * real, test))
    assert louder["ar_error"] == pytest.approx(true["ar_error"])
    normal = NormalDist()
    most = max(normal.cdf(x) - normal.cdf(x / 2) for x in np.linspace(0, 3, 300))
    assert louder["ar_disturbance_ks"] == pytest.approx(most, abs=0.01)
    with pytest.raises(DataError, match="phi of 1 channels"):
        ARCoefficients(phi=PHI[:1])(*sides(real, real))


def test_the_distance_to_a_normal_distribution_is_that_of_the_empirical_one() -> None:
    assert distance_to_normal(np.zeros(4), NormalDist()) == 0.5
    assert distance_to_normal(np.full(4, 100.0), NormalDist()) == pytest.approx(1)
