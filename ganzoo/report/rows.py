"""Rows of a leaderboard: one per experiment, over its seeds, ranked by their mean."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

from ganzoo.report.entries import Entry
from ganzoo.report.naming import differences_of, names_of
from ganzoo.report.welch import welch_p_value
from ganzoo.runs.external import Kind
from ganzoo.runs.score import Protocol, Score

SIGNIFICANCE = 0.05

SAMPLING_FIELDS = ("weights", "step", "samples_seen", "labels", "parameters", "latent", "seed")
"""Fields of the sampling that become a column if they differ between the rows."""


@dataclass(frozen=True)
class Row:
    """One experiment: the scores of its final generators, over seeds."""

    name: str
    experiment_id: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    """One per seed, in the order of `seeds`; lower is better."""
    best: tuple[float, ...] = ()
    """Scores of the checkpoints that were best during training, for the seeds that have one."""
    sampling: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Field of the sampling → its distinct values."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Further metrics, means over the seeds."""
    standard_errors: tuple[float | None, ...] = ()
    """Standard error of each value, over other samples of its generator; None in older records."""
    expected_real: float | None = None
    """`ganzoo.runs.score.Statistics.expected_real`; the same in every row of a protocol."""
    recipe: Mapping[str, str] = field(default_factory=dict)
    """With ``only_changed``: key → value, for the keys that differ within the ranking."""
    is_local: bool = False
    """Whether a run used a plugin file of its own (``--plugin``)."""
    kind: Kind = "run"
    rank: int = 0
    """From 1; 0 for a yardstick, which is not ranked."""
    p_value: float | None = None
    """Welch's, against the first ranked row; None for that row, for yardsticks, and if either row
    has a single seed."""

    @property
    def n(self) -> int:
        """Number of seeds."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return fmean(self.values)

    @property
    def sd(self) -> float | None:
        """Sample standard deviation over the seeds; None for one seed."""
        return stdev(self.values) if self.n > 1 else None

    @property
    def standard_error(self) -> float | None:
        """Mean over the seeds of one score's standard error; None if a record has none."""
        errors = [error for error in self.standard_errors if error is not None]
        return fmean(errors) if errors and len(errors) == self.n else None

    @property
    def best_mean(self) -> float | None:
        """Mean of `best`; None if no seed has one."""
        return fmean(self.best) if self.best else None

    @property
    def is_close(self) -> bool:
        """Whether Welch's test finds no significant difference from the first row."""
        return self.p_value is not None and self.p_value > SIGNIFICANCE

    def sort_value(self, column: str) -> Any:
        """Return the value by which this row is sorted under a column; None if it has none."""
        if column in self.recipe:
            return self.recipe[column]
        if column in self.sampling:
            return self.sampling[column][-1] if self.sampling[column] else None
        own: dict[str, Any] = {"rank": self.rank or None, "experiment": self.name, "n": self.n}
        own |= {"score": self.mean, "mean": self.mean, "sd": self.sd, "best": self.best_mean}
        return own[column] if column in own else self.metrics.get(column)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain data."""
        numbers = {"n": self.n, "mean": self.mean, "sd": self.sd, "is_close": self.is_close}
        means = {"standard_error": self.standard_error, "best_mean": self.best_mean}
        return asdict(self) | numbers | means


def rank_rows(entries: Iterable[Entry], protocol: Protocol) -> tuple[Row, ...]:
    """Return one row per experiment, sorted by the mean over its seeds, lowest first.

    Every entry has a final score under `protocol`. Yardsticks are sorted in by their score and get
    no rank.
    """
    experiments: dict[str, list[Entry]] = defaultdict(list)
    for each in entries:
        experiments[each.experiment].append(each)
    names = names_of({identifier: seeds[-1] for identifier, seeds in experiments.items()})
    rows = [
        _row(names[identifier], identifier, seeds, protocol)
        for identifier, seeds in experiments.items()
    ]
    rows.sort(key=lambda row: row.mean)
    models = [row for row in rows if row.kind != "yardstick"]
    # Equal means share a rank.
    ranks = {row.experiment_id: 1 + sum(m.mean < row.mean for m in models) for row in models}
    return tuple(
        replace(row, rank=rank, p_value=_p_value(models[0], row))
        if (rank := ranks.get(row.experiment_id))
        else row
        for row in rows
    )


def with_recipes(rows: Sequence[Row], locks: Mapping[str, Mapping[str, Any]]) -> tuple[Row, ...]:
    """Return the rows, each with the recipe keys that differ between them.

    Args:
        locks: experiment → its lock. Samples have none, and get ``-`` in every column.
    """
    known = [row.experiment_id for row in rows if locks.get(row.experiment_id)]
    differences = differences_of([locks[each] for each in known])
    recipes = {
        each: {key: values[index] for key, values in differences}
        for index, each in enumerate(known)
    }
    none = {key: "-" for key, _ in differences}
    return tuple(replace(row, recipe=recipes.get(row.experiment_id, none)) for row in rows)


def _p_value(first: Row, row: Row) -> float | None:
    """Return Welch's p against the first row; None for that row itself, and for a single seed."""
    if row is first or min(first.n, row.n) < 2:
        return None
    return welch_p_value(first.values, row.values)


def _row(name: str, experiment: str, seeds: Sequence[Entry], protocol: Protocol) -> Row:
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
        standard_errors=tuple(score.standard_error for score in finals),
        expected_real=next((s.statistics.expected_real for s in finals if s.statistics), None),
        is_local=any(each.is_local for each in seeds),
        kind=seeds[0].kind,
    )


def _distinct(scores: Iterable[Score], field: str) -> tuple[Any, ...]:
    drawn = [score.sampling for score in scores if score.sampling]
    value = "parameter_words" if field == "parameters" else field
    return tuple(dict.fromkeys(getattr(each, value) for each in drawn))


def _mean_metrics(scores: Sequence[Score]) -> dict[str, float]:
    """Return the mean of every further metric that all seeds have."""
    shared = [name for name in scores[0].metrics if all(name in each.metrics for each in scores)]
    return {name: fmean(each.metrics[name] for each in scores) for name in shared}
