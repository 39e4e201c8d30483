"""The course of a run from its records: loss terms, gradients, scores, working time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import fmean, stdev
from typing import Any

from ganzoo.report.pages.chart import Chart, Point, Series, thinned
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Score

SAMPLES = "real samples seen"
MINUTES = "minutes of training and scoring"
HEALTH = (
    ("distinct", "Diversity", "effective number of distinct samples"),
    ("duplicates", "Near-duplicates", "share of samples with a near-duplicate"),
    ("saturated", "Saturation", "share of values at an end of their range"),
)
"""Fields of a health record, with title and axis label of their charts."""

LARGEST = 1e300
"""Larger values are not drawn: their differences would not be finite."""

NOT_TERMS = ("step", "samples_seen", "samples_per_second", "attempt")


@dataclass(frozen=True)
class Scored:
    """One evaluation during training."""

    samples_seen: int
    minutes: float
    value: float
    standard_error: float | None = None
    """Standard error over other samples of the same generator."""


def evaluations(run: RunDirectory, scores: Iterable[Score], protocol_id: str) -> list[Scored]:
    """Return the scores of one protocol that the run made during training and at its end.

    The last generator can have been scored again later; what the run itself did comes first.
    """
    minutes = clock(run.events())
    kept: dict[int, Score] = {}
    for score in scores:
        if score.protocol.id == protocol_id and score.selected == "during":
            kept[score.step] = score
        elif score.protocol.id == protocol_id and score.selected == "final":
            kept.setdefault(score.step, score)
    return [
        Scored(score.sampling.samples_seen, minutes(score.time), score.value, score.standard_error)
        for _, score in sorted(kept.items())
        if score.sampling
    ]


def clock(events: Sequence[Mapping[str, Any]]) -> Any:
    """Return a function from a time (ISO 8601) to the minutes that the run had worked by then.

    The time between two attempts does not count, nor the time after the run finished.
    """
    spans = []
    for _, attempt in groupby(events, key=lambda event: event.get("attempt", 0)):
        times = [datetime.fromisoformat(event["time"]) for event in attempt if "time" in event]
        if times:
            spans.append((times[0], times[-1]))

    def minutes(time: str) -> float:
        now, worked = datetime.fromisoformat(time), 0.0
        for index, (begun, ended) in enumerate(spans):
            is_last = index + 1 == len(spans)
            until = now if is_last or now < spans[index + 1][0] else ended
            if is_last and events[-1].get("event") == "finished":
                until = min(now, ended)  # `ganzoo score` can come much later
            worked += max((until - begun).total_seconds(), 0)
            if until == now:
                break
        return worked / 60

    return minutes


def score_charts(
    named: Mapping[str, Sequence[Sequence[Scored]]], distance: str
) -> tuple[Chart, Chart] | None:
    """Return charts of the distance over samples seen and over time, one line a name.

    Error bars are one standard deviation over the seeds; of a single seed, its standard error.

    Args:
        named: experiment → the evaluations of each of its seeds.
    """
    over_samples, over_time = [], []
    for name, seeds in named.items():
        grouped: dict[int, list[Scored]] = defaultdict(list)
        for each in (scored for seed in seeds for scored in seed):
            grouped[each.samples_seen].append(each)
        whole = {seen: group for seen, group in grouped.items() if len(group) == len(seeds)}
        points = [(seen, *_mean_and_spread(whole[seen])) for seen in sorted(whole)]
        if points:
            over_samples.append(Series(name, tuple(Point(x, y, s) for x, _, y, s in points)))
            over_time.append(Series(name, tuple(Point(t, y, s) for _, t, y, s in points)))
    if not over_samples:
        return None
    label = f"{distance}, lower is better"
    return (
        Chart(f"{distance} over samples seen", SAMPLES, label, tuple(over_samples)),
        Chart(f"{distance} over time", MINUTES, label, tuple(over_time)),
    )


def _mean_and_spread(group: Sequence[Scored]) -> tuple[float, float, float | None]:
    values = [each.value for each in group]
    spread = stdev(values) if len(values) > 1 else group[0].standard_error
    return fmean(each.minutes for each in group), fmean(values), spread


def term_charts(rows: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Return charts of the logged values: the loss terms of each player, then gradients."""
    series: dict[str, list[Point]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            if name not in NOT_TERMS and _can_be_drawn(value):
                series[name].append(Point(float(row.get("samples_seen", row["step"])), value))
    groups = {
        "Discriminator's terms": [n for n in series if n.startswith("d/")],
        "Generator's terms": [n for n in series if n.startswith("g/")],
    }
    gradients = [name for name in series if name.endswith("gradient_norm")]
    charts = []
    for title, names in [*groups.items(), ("Gradient norms", gradients)]:
        shown = [name for name in names if title == "Gradient norms" or name not in gradients]
        if shown:
            lines = tuple(Series(name, thinned(series[name])) for name in shown)
            charts.append(Chart(title, SAMPLES, title.lower(), lines))
    return charts


def health_charts(rows: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Return charts of the collapse monitor with real data: diversity, duplicates, saturation."""
    charts = []
    for name, title, y in HEALTH:
        lines = tuple(
            Series(side, thinned(points))
            for side, key in (("generated", name), ("real", f"{name}_real"))
            if (points := _points(rows, key))
        )
        if lines:
            charts.append(Chart(title, SAMPLES, y, lines))
    return charts


def _points(rows: Sequence[Mapping[str, Any]], key: str) -> list[Point]:
    return [
        Point(float(row["samples_seen"]), float(row[key]))
        for row in rows
        if _can_be_drawn(row.get(key)) and "samples_seen" in row
    ]


def _can_be_drawn(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= LARGEST  # which NaN is not
