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
from scipy.stats import ks_2samp

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


# --- against formulas by hand, on short windows with a constant channel ---


def walks(count: int, seed: int) -> np.ndarray:
    """Return windows of two random walks and a constant channel, (count, 3, 9)."""
    steps = np.random.default_rng(seed).normal(size=(count, 3, 9))
    found = steps.cumsum(2).round(1)
    found[:, 2] = 0.3
    return found


def correlation(x: np.ndarray, y: np.ndarray, lag: int) -> float:
    """Return that of two channels (N, T) by its definition, 0 where one is constant."""
    if len(np.unique(x)) == 1 or len(np.unique(y)) == 1:
        return 0.0
    pairs = [
        (a[t] - x.mean()) * (b[t + lag] - y.mean())
        for a, b in zip(x, y, strict=True)
        for t in range(x.shape[1] - lag)
    ]
    return np.mean(pairs) / (x.std() * y.std())


def root_mean_square(a: list[float], b: list[float]) -> float:
    return float(np.sqrt(np.mean(np.subtract(a, b) ** 2)))


def test_correlations_of_channels_are_those_by_hand() -> None:
    real, fake = walks(23, 1), walks(14, 2)
    own, others = [], []
    for x in (real, fake):
        own.append([correlation(x[:, c], x[:, c], k) for c in range(3) for k in range(1, 5)])
        pairs = [(c, d) for c in range(3) for d in range(3) if c != d]
        others.append([correlation(x[:, c], x[:, d], k) for c, d in pairs for k in range(5)])
    found = Autocorrelation()(*sides(real, fake)) | CrossCorrelation()(*sides(real, fake))
    assert found["autocorrelation"] == pytest.approx(root_mean_square(*own))
    assert found["cross_correlation"] == pytest.approx(root_mean_square(*others))


def test_a_spectrum_is_that_of_the_fourier_sums_under_a_hann_window() -> None:
    real, fake = walks(23, 1)[:, :2], walks(14, 2)[:, :2]
    t = np.arange(9)
    taper = np.sin(np.pi * (t + 1) / 10) ** 2
    waves = np.exp(-2j * np.pi * np.outer(np.arange(5), t) / 9)
    levels = []
    for x in (real, fake):
        y = (x - x.mean((0, 2), keepdims=True)) * taper
        levels.append(10 * np.log10((abs(y @ waves.T) ** 2).mean(0)))
    found = Spectrum()(*sides(real, fake))["spectrum_decibels"]
    assert found == pytest.approx(root_mean_square(*levels))


def test_marginals_are_those_of_scipy_on_ties_and_other_counts() -> None:
    real, fake = walks(23, 1), walks(14, 2)
    found = Marginals()(*sides(real, fake))
    whole = [ks_2samp(real[:, c].ravel(), fake[:, c].ravel()).statistic for c in range(3)]
    single = [ks_2samp(real[:, c, t], fake[:, c, t]).statistic for c in range(3) for t in range(9)]
    assert found == pytest.approx(
        {"marginal_ks": np.mean(whole), "marginal_ks_steps": np.mean(single)}
    )


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3])
def test_equal_constant_channels_are_at_distance_zero_whatever_their_mean_rounds_to(
    value: float,
) -> None:
    real, fake = np.full((31, 2, 9), value), np.full((17, 2, 9), value)
    for metric in (Autocorrelation, CrossCorrelation, Spectrum):
        assert set(metric()(*sides(real, fake)).values()) == {0.0}


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3])
def test_constant_windows_have_disturbances_without_a_correlation(value: float) -> None:
    real, fake = walks(23, 1), np.full((17, 3, 9), value)
    found = ARCoefficients(phi=((0.5, 0.1),) * 3)(*sides(real, fake))
    assert found["ar_disturbance_correlation"] == 0


def test_windows_of_the_reference_itself_are_not_held_out() -> None:
    real, fake = sides(walks(23, 1), walks(14, 2))
    real.splits["test"] = real  # type: ignore[index]
    for metric in (Autocorrelation, CrossCorrelation, Spectrum, Marginals, FeatureC2ST):
        assert not [name for name in metric()(real, fake) if name.endswith("_held_out")]
