"""Student's t against closed forms and tables, Welch's test against its limiting cases."""

import math

import pytest

from ganzoo.report.welch import incomplete_beta, two_sided_t, welch_p_value


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 1.0, 3.0, 20.0, -2.0])
def test_one_degree_of_freedom_is_the_cauchy_distribution(t: float) -> None:
    assert two_sided_t(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(abs(t)), abs=1e-13)


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 1.0, 3.0, 20.0, -2.0])
def test_two_and_four_degrees_of_freedom_have_closed_forms(t: float) -> None:
    assert two_sided_t(t, 2) == pytest.approx(1 - abs(t) / math.sqrt(2 + t * t), abs=1e-13)
    u = abs(t) / math.sqrt(4 + t * t)
    assert two_sided_t(t, 4) == pytest.approx(1 - 1.5 * u + 0.5 * u**3, abs=1e-13)


def test_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert two_sided_t(1.96, 1e7) == pytest.approx(math.erfc(1.96 / math.sqrt(2)), abs=1e-7)


@pytest.mark.parametrize(
    ("freedom", "t"), [(3, 3.182), (5, 2.571), (7.0, 2.365), (10, 2.228), (30, 2.042)]
)
def test_the_tabulated_five_percent_points_are_met(freedom: float, t: float) -> None:
    # Two-sided 5 % points of t, e.g. NIST/SEMATECH e-Handbook, table 1.3.6.7.2.
    assert two_sided_t(t, freedom) == pytest.approx(0.05, abs=5e-5)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 1), (1, 4), (2.5, 1)])
@pytest.mark.parametrize("x", [0.0, 0.01, 0.4, 0.9, 1.0])
def test_the_incomplete_beta_function_has_closed_forms_if_a_parameter_is_one(
    a: float, b: float, x: float
) -> None:
    expected = x**a if b == 1 else 1 - (1 - x) ** b
    assert incomplete_beta(a, b, x) == pytest.approx(expected, abs=1e-14)


def test_equal_sizes_and_variances_give_the_pooled_test() -> None:
    # Shifted by d, with s^2 = 1 and n = 3: t = d / sqrt(2/3) at exactly 4 degrees of freedom.
    a, b = [1.0, 2.0, 3.0], [3.0, 4.0, 5.0]
    assert welch_p_value(a, b) == pytest.approx(two_sided_t(2 / math.sqrt(2 / 3), 4), abs=1e-14)


def test_with_variance_on_one_side_only_the_degrees_of_freedom_are_those_of_that_side() -> None:
    a, b = [1.0, 2.0, 3.0], [5.0, 5.0, 5.0]
    assert welch_p_value(a, b) == pytest.approx(two_sided_t(3 / math.sqrt(1 / 3), 2), abs=1e-14)


def test_the_order_of_the_samples_does_not_matter() -> None:
    a, b = [1.0, 4.0, 2.5], [3.0, 3.5]
    assert welch_p_value(a, b) == pytest.approx(welch_p_value(b, a), abs=1e-15)


def test_without_variance_p_is_one_for_equal_means_and_zero_for_others() -> None:
    assert welch_p_value([2.0, 2.0], [2.0, 2.0]) == 1
    assert welch_p_value([2.0, 2.0], [2.1, 2.1]) == 0


def test_a_sample_of_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="two values"):
        welch_p_value([1.0], [1.0, 2.0])
