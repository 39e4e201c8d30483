"""A comparison as a value: the rows, what could not be ranked, and how both are written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

from ganzoo.errors import UsageError
from ganzoo.registry.names import suggest
from ganzoo.report.candidates import Unranked
from ganzoo.report.published import HEADING, PublishedFigure
from ganzoo.report.spreadsheet import spreadsheet
from ganzoo.report.table import Table, three_digits, with_spread
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.external import Kind
from ganzoo.runs.records import to_json
from ganzoo.runs.score import Protocol

SIGNIFICANCE = 0.05

SORTABLE_SAMPLING = ("step", "samples_seen")

MEAN = "mean ± sd over n seeds; n=1 is a single seed, which says nothing of the spread"
CLOSE = f"≈ best: Welch's t-test cannot tell it from the first (p > {SIGNIFICANCE})"
BEST = "best: the checkpoint that scored lowest during training; chosen by score, so optimistic"
FLOOR = "floor: what new real samples would score on average, were their features Gaussian"
ERROR = "SE: standard error over other samples of one generator; that over seeds is mostly larger"
TRAINED_ON = "the reference is the training set, so that copying it would score best of all"
SAMPLES = "samples: made by another tool, scored like the runs"
YARDSTICK = "yardstick: samples that no trained model made, scored like the runs; takes no rank"
LOCAL = "local: made with a plugin file of one's own (--plugin), which the run keeps"


@dataclass(frozen=True)
class Row:
    """One experiment: the scores of its final generators, over seeds."""

    name: str
    experiment_id: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    """One a seed, in the order of `seeds`; lower is better."""
    best: tuple[float, ...] = ()
    """Of the checkpoint that was best during training, for the seeds that have one."""
    sampling: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Field of the sampling → its distinct values."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Further metrics, means over the seeds."""
    standard_errors: tuple[float | None, ...] = ()
    """Of each value, over other samples of the same generator; None in older records."""
    floor: float | None = None
    """What a perfect generator would score on average; of the protocol, so of every row alike."""
    recipe: Mapping[str, str] = field(default_factory=dict)
    """Where it was asked for: key → value, of the keys that differ within the ranking."""
    is_local: bool = False
    """Whether a run used a plugin file of its owner's."""
    kind: Kind = "run"
    rank: int = 0
    """From 1; 0 for a yardstick, which takes none."""
    p_value: float | None = None
    """Welch's, against the first row with a rank; None for that row, for yardsticks, and where
    either has a single seed."""

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
        """Mean over the seeds of one score's standard error; None where a record has none."""
        errors = [error for error in self.standard_errors if error is not None]
        return fmean(errors) if errors and len(errors) == self.n else None

    @property
    def best_mean(self) -> float | None:
        """Mean of `best`; None where no seed has one."""
        return fmean(self.best) if self.best else None

    @property
    def is_close(self) -> bool:
        """Whether it cannot be told from the first row, as far as a test can say."""
        return self.p_value is not None and self.p_value > SIGNIFICANCE

    def worth(self, column: str) -> Any:
        """Return what this row is sorted by under a column's name; None where it has nothing."""
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


@dataclass(frozen=True)
class Comparison:
    """Runs ranked under one protocol, and the runs that have no place under it."""

    protocol: Protocol
    ranked: tuple[Row, ...]
    unranked: tuple[Unranked, ...]
    directories: Mapping[str, RunDirectory] = field(default_factory=dict, repr=False)
    """Where the ranked runs are, by name; no part of what is written."""
    published: tuple[PublishedFigure, ...] = ()
    """What others printed for these recipes; it has no place in the ranking either."""

    @property
    def header(self) -> str:
        """The protocol in words, and how many samples stand against how many."""
        return (
            f"{self.protocol.words()}   {self.protocol.n_fake:,} generated against"
            f" {self.protocol.n_real:,} real   lower is better"
            + (f"   floor {three_digits(self.floor)}" if self.floor is not None else "")
        )

    @property
    def floor(self) -> float | None:
        """What a perfect generator would score under this protocol; None in older records."""
        return next((row.floor for row in self.ranked if row.floor is not None), None)

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the columns that are there."""
        notes = [MEAN]
        if self.floor is not None:
            notes.append(FLOOR)
        if any(row.n == 1 and any(row.standard_errors) for row in self.ranked):
            notes.append(ERROR)
        if self.protocol.split == "train":
            notes.append(TRAINED_ON)
        if any(row.is_close for row in self.ranked):
            notes.append(CLOSE)
        if any(row.best for row in self.ranked):
            notes.append(BEST)
        if any(row.kind == "samples" for row in self.ranked):
            notes.append(SAMPLES)
        if any(row.kind == "yardstick" for row in self.ranked):
            notes.append(YARDSTICK)
        if any(row.is_local for row in self.ranked):
            notes.append(LOCAL)
        return notes

    def sorted_by(self, column: str) -> "Comparison":
        """Return the comparison with its rows in the order of a column of the table.

        Numbers rise, or fall for ``-column``; rows without a value come last. The distance's
        column is called ``score``, ``mean`` or as its heading is, that of the places ``rank``.

        Raises:
            UsageError: there is no such column; names those there are.
        """
        name, falls = self._name(column), column.startswith("-")
        worth = {key: [row.worth(key) for row in self.ranked] for key in self._sortable()}
        if name not in worth:
            near = suggest(name, list(worth)) or "score"
            raise UsageError(
                f"--sort: no column {name!r}; there are {', '.join(worth)}", hint=f"--sort {near}"
            )
        present = [i for i, value in enumerate(worth[name]) if value is not None]
        missing = [i for i, value in enumerate(worth[name]) if value is None]
        present.sort(key=lambda index: _order(worth[name][index]), reverse=falls)
        return replace(self, ranked=tuple(self.ranked[i] for i in (*present, *missing)))

    def has_column(self, column: str) -> bool:
        """Whether rows can be ordered by it."""
        return self._name(column) in self._sortable()

    def _name(self, column: str) -> str:
        headings = {"#": "rank", self.protocol.distance_name: "score"}
        name = column.removeprefix("-")
        return headings.get(name, name)

    def _sortable(self) -> list[str]:
        recipe = [key for row in self.ranked[:1] for key in row.recipe]
        named = ["score", "rank", "experiment", "n", "mean", "sd", "best"]
        return list(dict.fromkeys([*named, *SORTABLE_SAMPLING, *self._metric_columns(), *recipe]))

    def table(self) -> Table:
        """Return the rows for people, to three digits."""
        distance = f"{self.protocol.distance_name} ↓"
        sampling, metrics = self._sampling_columns(), self._metric_columns()
        has_best = any(row.best for row in self.ranked)
        columns = ["#", "experiment", "n", distance, ""]
        recipe = [key for row in self.ranked[:1] for key in row.recipe]
        columns += [*(["best"] if has_best else []), *sampling, *metrics, *recipe]
        rows = []
        for row in self.ranked:
            cells = [
                str(row.rank or "-"),
                row.name,
                str(row.n),
                with_spread(row.mean, row.sd),
                _remark(row),
            ]
            if has_best:
                cells.append(_best(row))
            cells += ["/".join(map(_word, row.sampling[name])) or "-" for name in sampling]
            cells += [three_digits(row.metrics.get(name)) for name in metrics]
            cells += [row.recipe[key] for key in recipe]
            rows.append(cells)
        return Table(columns, rows, numbers={"#", "n", distance, "best", *sampling, *metrics})

    def to_table(self) -> str:
        """Return everything as plain text."""
        return "\n\n".join([self.header, self.table().plain(), self.footer()])

    def footer(self) -> str:
        """Return what stands below the table: notes on its columns, and the unranked runs."""
        lines = ["", "not ranked:"] if self.unranked else []
        for each in self.unranked:
            lines.append(f"  {each.run}: {each.reason}")
            lines += [f"    try: {each.command}"] if each.command else []
        lines += ["", f"{HEADING}:"] if self.published else []
        lines += [f"  {figure}" for figure in self.published]
        return "\n".join([*self.notes, *lines])

    def to_markdown(self) -> str:
        """Return everything as Markdown."""
        unranked = [
            f"- {each.run}: {each.reason}" + (f"; `{each.command}`" if each.command else "")
            for each in self.unranked
        ]
        parts = [f"**{self.header}**", self.table().markdown(), "  \n".join(self.notes)]
        parts += ["Not ranked:", "\n".join(unranked)] if unranked else []
        figures = [f"- {figure}" for figure in self.published]
        parts += [f"{HEADING.capitalize()}:", "\n".join(figures)] if figures else []
        return "\n\n".join(parts)

    def to_csv(self) -> str:
        """Return the ranked rows with all digits; published figures below, in their own columns."""
        return spreadsheet(self.ranked, self.published, self.protocol.id).csv()

    def to_json(self) -> str:
        """Return everything as JSON, with all digits and the whole protocol."""
        content = {
            "protocol_id": self.protocol.id,
            "protocol": asdict(self.protocol),
            "floor": self.floor,
            "ranked": [row.to_dict() for row in self.ranked],
            "unranked": [asdict(each) for each in self.unranked],
            "published": [asdict(figure) for figure in self.published],
        }
        return to_json(content, indent=2).decode()

    def _sampling_columns(self) -> list[str]:
        """Return the fields of the sampling that are not the same in the whole ranking."""
        return [
            name
            for name in self.ranked[0].sampling
            if len({value for row in self.ranked for value in row.sampling[name]}) > 1
        ]

    def _metric_columns(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.ranked for name in row.metrics))


def _best(row: Row) -> str:
    """Return the mean of the best checkpoints; how many there are, where some seeds have none."""
    few = f" ({len(row.best)} of {row.n})" if 0 < len(row.best) < row.n else ""
    return three_digits(row.best_mean) + few


def _remark(row: Row) -> str:
    error = row.standard_errors[0] if row.n == 1 and row.standard_errors else None
    single = "n=1" if error is None else f"n=1, SE {three_digits(error)}"
    marks = {single: row.n == 1, "≈ best": row.is_close, "local": row.is_local}
    marks[row.kind] = row.kind != "run"
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _order(value: Any) -> tuple[int, float, str]:
    """Return what sorts numbers, also written ones, before words."""
    try:
        return 0, float(value), ""
    except ValueError:
        return 1, 0.0, str(value)


def _word(value: Any) -> str:
    return "none" if value is None else str(value)
