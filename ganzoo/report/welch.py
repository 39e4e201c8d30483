"""Welch's t-test for the means of two sets of seeds, without scipy."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance

_TINY = 1e-300


def welch_p_value(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the two-sided p-value of the difference between two means.

    Null hypothesis: equal means; the variances may differ.

    Raises:
        ValueError: a sample has fewer than two values, so its variance is unknown.
    Source: Welch 1947, Biometrika 34 (1-2), 28-35.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError("each sample needs at least two values")
    error_a, error_b = variance(a) / len(a), variance(b) / len(b)
    difference = fmean(a) - fmean(b)
    if error_a + error_b == 0:
        return 1.0 if difference == 0 else 0.0
    t = difference / math.sqrt(error_a + error_b)
    freedom = (error_a + error_b) ** 2 / (error_a**2 / (len(a) - 1) + error_b**2 / (len(b) - 1))
    return two_sided_t(t, freedom)


def two_sided_t(t: float, freedom: float) -> float:
    """Return P(|T| >= |t|) for Student's T: I_x(nu/2, 1/2) at x = nu / (nu + t^2).

    Source: NIST Digital Library of Mathematical Functions, 8.17; Abramowitz & Stegun 26.7.1.
    """
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), for a, b > 0 and 0 <= x <= 1."""
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - incomplete_beta(b, a, 1 - x)
    log_front = (
        a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    )
    return math.exp(log_front) / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction 1 + d1 x / (1 + d2 x / (1 + ...)) of DLMF 8.17.22.

    Evaluated front to back by Lentz's method, until a factor equals 1 to rounding.
    """
    value, c, d = 1.0, 1.0, 0.0
    for index in range(1, 500):
        m = index // 2
        if index % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + step * d) or _TINY)
        c = (1 + step / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def t_quantile(probability: float, freedom: float) -> float:
    """Return the t with P(|T| <= t) = `probability` for Student's T; infinite `freedom`: normal.

    Found by bisection of `two_sided_t`, to 1e-9 of its value.
    """
    if math.isinf(freedom):
        return NormalDist().inv_cdf((1 + probability) / 2)
    low, high = 0.0, 1.0
    while two_sided_t(high, freedom) > 1 - probability:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if two_sided_t(middle, freedom) > 1 - probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2
