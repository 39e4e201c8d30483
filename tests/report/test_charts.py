"""Where a chart puts its values, and what it says of them in words."""

import json
import re
from html import unescape

import pytest

from ganzoo.report.pages.chart import Axis, Chart, Point, Series, readable, thinned


def drawn(*points: Point, name: str = "a") -> str:
    return str(Chart("title", "images", "score", (Series(name, points),)).svg())


def test_an_axis_puts_its_ends_on_its_pixels_and_the_middle_between() -> None:
    axis = Axis(10, 30, 100, 500)
    assert [axis.at(value) for value in (10, 20, 30)] == [100, 300, 500]


def test_a_logarithmic_axis_puts_equal_factors_at_equal_distances() -> None:
    axis = Axis(1, 100, 0, 200, is_logarithmic=True)
    assert axis.at(10) == pytest.approx(100)
    assert axis.ticks() == [1, 10, 100]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0.31, 0.62, [0.4, 0.5, 0.6]), (-3, 3, [-2, 0, 2])],
)
def test_ticks_are_round_and_within_the_axis(low: float, high: float, ticks: list[float]) -> None:
    assert Axis(low, high, 0, 1).ticks() == pytest.approx(ticks)


def test_values_that_span_decades_are_drawn_on_a_logarithmic_axis() -> None:
    heights = re.findall(r'cy="([\d.]+)"', drawn(Point(0, 1), Point(1, 10), Point(2, 100)))
    first, middle, last = map(float, heights)
    assert first - middle == pytest.approx(middle - last, abs=0.2)


def test_an_error_bar_reaches_from_mean_minus_spread_to_mean_plus_spread() -> None:
    text = drawn(Point(0, 10, 2), Point(1, 20))
    (bar,) = re.findall(r'class="bar"[^/]*y1="([\d.]+)" y2="([\d.]+)"', text)
    low, high = map(float, bar)
    height = float(re.findall(r'cy="([\d.]+)"', text)[0])
    assert low - height == pytest.approx(height - high, abs=0.2)
    assert low > high


def test_a_single_point_stands_within_the_chart() -> None:
    (x,) = re.findall(r'cx="([\d.]+)"', drawn(Point(500, 3.0)))
    assert 64 < float(x) < 628


def test_names_are_escaped_and_read_out_as_they_are() -> None:
    text = drawn(Point(0, 1.5, 0.25), name='<script>"&')
    assert "<script>" not in text
    name, points = re.findall(r'data-name="([^"]*)" data-points="([^"]*)"', text)[0]
    assert unescape(name) == '<script>"&'
    assert json.loads(unescape(points))[0][1:] == ["0", "1.5 ± 0.25"]


def test_one_who_cannot_see_the_lines_is_told_the_last_values() -> None:
    assert "a: last 3" in drawn(Point(0, 9), Point(1, 3))


def test_many_points_become_means_of_neighbours() -> None:
    points = [Point(float(index), float(index % 2)) for index in range(1000)]
    few = thinned(points, 100)
    assert len(few) == 100
    assert {point.y for point in few} == {0.5}
    assert few[-1].x == 999


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0312, "0.0312"), (9999, "9999"), (12_000, "12k"), (3_400_000, "3.4M"), (-20000, "-20k")],
)
def test_large_numbers_are_shortened(value: float, text: str) -> None:
    assert readable(value) == text
