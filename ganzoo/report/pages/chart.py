"""Line charts as SVG. They are drawn when the page is written; its script only shows values."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 44
COLOURS = 8
"""Number of colours and dashes in the style sheet; series use them in turn."""

LOGARITHMIC_FROM = 30
"""An axis is logarithmic if its values are positive and span more than this factor."""


@dataclass(frozen=True)
class Point:
    """One value, and half the length of its error bar if it has one."""

    x: float
    y: float
    spread: float | None = None


@dataclass(frozen=True)
class Series:
    """A named line."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Axis:
    """Maps values to pixels."""

    low: float
    high: float
    first: float
    """Pixel of `low`."""
    last: float
    """Pixel of `high`."""
    is_logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value; values outside of the axis are moved to its end."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.first + (self.last - self.first) * (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Return about five round values within the axis."""
        if self.is_logarithmic:
            decades = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            if len(decades) > 1:
                return [10.0**power for power in decades]
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step)
        return [index * step for index in range(first, math.floor(self.high / step) + 1)]


@dataclass(frozen=True)
class Chart:
    """Series over one pair of axes. `x` and `y` name the axes, with their units."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]

    def svg(self) -> Markup:
        """Return the drawing; it scales with the page, whose script shows values at the pointer."""
        across, up = self._axes()
        body = [*_grid(across, up), *(_line(i, s, across, up) for i, s in enumerate(self.series))]
        labels = [
            f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" '
            f'text-anchor="middle">{escape(self.x)}</text>',
            f'<text class="axis" transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) '
            f'rotate(-90)" text-anchor="middle">{escape(self.y)}</text>',
        ]
        return Markup(
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" tabindex="0" '
            f'aria-label="{escape(self.title)}. {escape(self._summary())}">'
            + "".join([*body, *labels])
            + f'<line class="cursor" y1="{TOP}" y2="{HEIGHT - BOTTOM}" visibility="hidden"/></svg>'
        )

    def _summary(self) -> str:
        """Return the text alternative: axes and last values."""
        ends = [f"{s.name}: last {readable(s.points[-1].y)}" for s in self.series if s.points]
        return f"{self.y} over {self.x}. " + "; ".join(ends) + ". Arrow keys read out values."

    def _axes(self) -> tuple[Axis, Axis]:
        xs = [p.x for s in self.series for p in s.points]
        lows = [p.y - (p.spread or 0) for s in self.series for p in s.points]
        highs = [p.y + (p.spread or 0) for s in self.series for p in s.points]
        values = [p.y for s in self.series for p in s.points]
        across = Axis(*_widened(min(xs), max(xs)), LEFT, WIDTH - RIGHT)
        if min(values) > 0 and max(values) > LOGARITHMIC_FROM * min(values):
            low = max(min(lows), min(values) / 2)
            return across, Axis(low, max(highs), HEIGHT - BOTTOM, TOP, is_logarithmic=True)
        return across, Axis(*_widened(min(lows), max(highs)), HEIGHT - BOTTOM, TOP)


def _grid(across: Axis, up: Axis) -> list[str]:
    drawn = []
    for value in up.ticks():
        y = f"{up.at(value):.1f}"
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        drawn.append(
            f'<text x="{LEFT - 6}" y="{y}" dy="0.35em" text-anchor="end">{readable(value)}</text>'
        )
    for value in across.ticks():
        drawn.append(
            f'<text x="{across.at(value):.1f}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle">{readable(value)}</text>'
        )
    return drawn


def _line(index: int, series: Series, across: Axis, up: Axis) -> str:
    places = [(across.at(p.x), up.at(p.y)) for p in series.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    bars = [
        f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" '
        f'y1="{up.at(p.y - p.spread):.1f}" y2="{up.at(p.y + p.spread):.1f}"/>'
        for (x, _), p in zip(places, series.points, strict=True)
        if p.spread
    ]
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places]
    values = [
        [round(x, 1), readable(p.x), _read_out(p)]
        for (x, _), p in zip(places, series.points, strict=True)
    ]
    return (
        f'<g class="series c{index % COLOURS}" data-name="{escape(series.name)}" '
        f'data-points="{escape(json.dumps(values, ensure_ascii=False))}">'
        f'<polyline points="{path}"/>{"".join(bars)}'
        f"{''.join(dots) if len(dots) <= 60 else ''}</g>"
    )


def _read_out(point: Point) -> str:
    spread = f" ± {readable(point.spread)}" if point.spread else ""
    return readable(point.y) + spread


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return a range of positive length; a single value is in its middle."""
    if high > low:
        return low, high
    return low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2


def _round_step(step: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is at least `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if step <= power * factor * 1.000001)


def readable(value: float) -> str:
    """Return a number to four significant digits, large ones as 12k and 3.4M."""
    for least, unit, suffix in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / unit:.4g}{suffix}"
    return f"{value:.4g}"


def thinned(points: Sequence[Point], most: int = 200) -> tuple[Point, ...]:
    """Return at most `most` points, each the mean of neighbours."""
    size = math.ceil(len(points) / most)
    if size <= 1:
        return tuple(points)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple(
        Point(group[-1].x, sum(point.y for point in group) / len(group)) for group in groups
    )
