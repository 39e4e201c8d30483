"""Schedules at points where their values are known."""

import math

import pytest
from ganzoo_zoo.schedules.ramps import Cosine, Linear
from ganzoo_zoo.schedules.stairs import Stairs

both = pytest.mark.parametrize("schedule", [Linear, Cosine])


@both
def test_a_schedule_is_constant_before_and_after_and_reaches_its_ends_exactly(
    schedule: type[Linear] | type[Cosine],
) -> None:
    value = schedule(start=0.2, end=0.9, begin_samples=1000, end_samples=4000)
    assert [value(images) for images in (0, 1000, 4000, 10**9)] == [0.2, 0.2, 0.9, 0.9]


def test_linear_is_a_straight_line() -> None:
    value = Linear(start=1.0, end=0.2, begin_samples=100, end_samples=500)
    assert [value(images) for images in (200, 300, 400)] == pytest.approx([0.8, 0.6, 0.4])


def test_cosine_is_half_a_cosine() -> None:
    value = Cosine(start=3.0, end=1.0, begin_samples=100, end_samples=500)
    expected = [2 + math.cos(math.pi * quarter / 4) for quarter in (1, 2, 3)]
    assert [value(images) for images in (200, 300, 400)] == pytest.approx(expected, rel=1e-12)


@both
def test_the_default_goes_from_one_to_zero_and_multiplies(
    schedule: type[Linear] | type[Cosine],
) -> None:
    value = schedule(end_samples=10)
    assert (value(0), value(5), value(10)) == (1.0, pytest.approx(0.5), 0.0)
    assert not value.absolute
    assert schedule(end_samples=10, absolute=True).absolute


@both
def test_an_end_that_is_not_after_the_beginning_is_refused(
    schedule: type[Linear] | type[Cosine],
) -> None:
    with pytest.raises(ValueError, match=r"end_samples \(50\) must be above begin_samples \(50\)"):
        schedule(begin_samples=50, end_samples=50)


def test_stairs_stay_on_each_level_and_rise_to_the_next() -> None:
    value = Stairs(levels=2, stable_samples=100, fade_samples=50)
    at = {0: 0.0, 100: 0.0, 125: 0.5, 150: 1.0, 250: 1.0, 260: 1.2, 300: 2.0, 10**9: 2.0}
    assert [value(samples) for samples in at] == pytest.approx(list(at.values()))
    assert value.absolute
