"""Rows of a leaderboard: seeds grouped, means sorted, and what cannot be told from the first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from ganzoo.report.candidates import Candidate
from ganzoo.report.leaderboard import Comparison, Row
from ganzoo.report.naming import differences_of, names_of
from ganzoo.report.welch import welch_p_value
from ganzoo.runs.score import Protocol, Score

SAMPLING_FIELDS = ("weights", "step", "samples_seen", "labels", "truncation", "batch_norm", "seed")
"""What of the sampling becomes a column where it differs within the ranking."""


def rank(candidates: Iterable[Candidate], protocol: Protocol) -> tuple[Row, ...]:
    """Return one row an experiment, sorted by the mean over its seeds, the lowest first.

    Every candidate has a final score under `protocol`. Yardsticks stand where their score puts
    them and take no rank.
    """
    experiments: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        experiments[each.experiment].append(each)
    names = names_of({identifier: seeds[-1] for identifier, seeds in experiments.items()})
    rows = [
        _row(names[identifier], identifier, seeds, protocol)
        for identifier, seeds in experiments.items()
    ]
    rows.sort(key=lambda row: row.mean)
    models = [row for row in rows if row.kind != "yardstick"]
    places = {row.experiment_id: place for place, row in enumerate(models, start=1)}
    return tuple(
        replace(row, rank=place, p_value=_p_value(models[0], row))
        if (place := places.get(row.experiment_id))
        else row
        for row in rows
    )


def with_recipes(comparison: Comparison, locks: Mapping[str, Mapping[str, Any]]) -> Comparison:
    """Return the comparison with what differs between its recipes in each row.

    Args:
        locks: experiment → its lock; samples that no run made have none, and ``-`` in every column.
    """
    known = [row.experiment_id for row in comparison.ranked if locks.get(row.experiment_id)]
    differences = differences_of([locks[each] for each in known])
    recipes = {
        each: {key: values[index] for key, values in differences}
        for index, each in enumerate(known)
    }
    none = {key: "-" for key, _ in differences}
    rows = [replace(row, recipe=recipes.get(row.experiment_id, none)) for row in comparison.ranked]
    return replace(comparison, ranked=tuple(rows))


def _p_value(first: Row, row: Row) -> float | None:
    """Return Welch's p against the first row; None for that row itself, and for a single seed."""
    if row is first or min(first.n, row.n) < 2:
        return None
    return welch_p_value(first.values, row.values)


def _row(name: str, experiment: str, seeds: Sequence[Candidate], protocol: Protocol) -> Row:
    seeds = sorted(seeds, key=lambda each: each.seed)
    finals = [score for each in seeds if (score := each.final(protocol.id))]
    best = [score.value for each in seeds if (score := each.best(protocol.id))]
    return Row(
        name=name,
        experiment_id=experiment,
        runs=tuple(each.run.name for each in seeds),
        seeds=tuple(each.seed for each in seeds),
        values=tuple(score.value for score in finals),
        best=tuple(best),
        sampling={field: _distinct(finals, field) for field in SAMPLING_FIELDS},
        metrics=_mean_metrics(finals),
        standard_errors=tuple(
            score.statistics.standard_error if score.statistics else None for score in finals
        ),
        floor=next((score.statistics.floor for score in finals if score.statistics), None),
        is_local=any(each.is_local for each in seeds),
        kind=seeds[0].kind,
    )


def _distinct(scores: Iterable[Score], field: str) -> tuple[Any, ...]:
    """Return the values of one field of the sampling, each once, in order of the seeds."""
    drawn = [score.sampling for score in scores if score.sampling]
    return tuple(dict.fromkeys(getattr(each, field) for each in drawn))


def _mean_metrics(scores: Sequence[Score]) -> dict[str, float]:
    """Return the mean of every further metric that all seeds have."""
    shared = [name for name in scores[0].metrics if all(name in each.metrics for each in scores)]
    return {name: fmean(each.metrics[name] for each in scores) for name in shared}
