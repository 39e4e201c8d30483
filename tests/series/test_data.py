"""Series that are drawn by a known law."""

import math

import numpy as np
import pytest
from ganzoo_table.series.datasets.ar2 import AR2, modulus
from ganzoo_table.series.datasets.sines import Sines

from ganzoo.api import DataError


def variance(first: float, second: float) -> float:
    """Return the variance of a stationary AR(2) process with disturbances of variance 1."""
    return (1 - second) / ((1 + second) * ((1 - second) ** 2 - first**2))


@pytest.mark.parametrize("phi", [(1.2, -0.7), (0.6, 0.3), (0.0, 0.0)])
def test_ar2_is_stationary_from_the_first_step_with_the_variance_of_theory(
    phi: tuple[float, float],
) -> None:
    windows = AR2("train", length=20_000, phi=(phi,), steps=6).tensors()[0].numpy()
    assert windows.var(0) == pytest.approx(variance(*phi), rel=0.05)


def test_the_disturbances_of_ar2_are_normal_with_the_given_deviation_and_correlation() -> None:
    phi = ((1.2, -0.7), (0.6, 0.3))
    x = AR2("train", length=5000, phi=phi, sd=2.0, correlation=0.5).tensors()[0].numpy()
    first, second = np.array(phi).T[..., None]
    e = x[..., 2:] - first * x[..., 1:-1] - second * x[..., :-2]
    assert e.std((0, 2)) == pytest.approx([2, 2], rel=0.02)
    assert np.corrcoef(e[:, 0].ravel(), e[:, 1].ravel())[0, 1] == pytest.approx(0.5, abs=0.02)
    assert np.abs(e / 2 > 1).mean() == pytest.approx(0.1587, abs=0.01)


def test_modulus_is_that_of_complex_and_real_roots() -> None:
    assert modulus((1.2, -0.7)) == pytest.approx(math.sqrt(0.7))
    assert modulus((0.6, 0.3)) == pytest.approx(0.3 + math.sqrt(0.39))


@pytest.mark.parametrize("phi", [(), ((1.0, 0.0),), ((0.6, 0.5),), ((1.9, -0.995),)])
def test_a_process_that_is_not_stationary_is_refused(phi: tuple) -> None:
    with pytest.raises(DataError):
        AR2("train", phi=phi)


def test_sines_are_those_of_timegan() -> None:
    windows = Sines("train").tensors()[0].numpy()
    assert windows.shape == (10_000, 5, 24)
    angles = np.arcsin(2 * windows - 1)
    phase, frequency = angles[..., 0], angles[..., 1] - angles[..., 0]
    for found in (phase, frequency):
        assert 0 <= found.min() < 1e-4
        assert 0.0999 < found.max() <= 0.1
        assert found.mean() == pytest.approx(0.05, abs=1e-3)
    t = np.arange(24)
    again = np.sin(frequency[..., None] * t + phase[..., None])
    assert 2 * windows - 1 == pytest.approx(again, abs=1e-6)


def test_wide_sines_have_whole_waves_and_none_beyond_the_nyquist_frequency() -> None:
    windows = Sines("train", length=200, frequency=1.0, phase=2 * math.pi).tensors()[0]
    assert windows.amin((1, 2)).max() < 0.3
    with pytest.raises(DataError, match="Nyquist"):
        Sines("train", frequency=4.0)
