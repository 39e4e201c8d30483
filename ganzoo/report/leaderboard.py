"""A leaderboard as a value: rows under one protocol, the runs without a rank, and its formats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ganzoo.errors import ComparisonError, UsageError
from ganzoo.registry.names import suggest
from ganzoo.report.entries import Unranked
from ganzoo.report.published import HEADING, PublishedFigure
from ganzoo.report.rows import SIGNIFICANCE, Row
from ganzoo.report.table import Table, three_digits, with_spread
from ganzoo.runs import html
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.records import to_json
from ganzoo.runs.references import command, reference_to
from ganzoo.runs.score import Protocol

SORTABLE_SAMPLING = ("step", "samples_seen")

PUBLISHED = ("metric", "value", "n_real", "n_fake", "extractor", "split", "select", "source")
"""Fields of a published figure; their columns in the CSV are called ``published_…``."""

MEAN = "mean ± sd over n seeds; n=1 is a single seed, with no estimate of the spread"
CLOSE = f"≈ best: no significant difference from the first row (Welch's t-test, p > {SIGNIFICANCE})"
BEST = "best: the checkpoint with the lowest score during training; chosen by score, so optimistic"
REAL = "{}: expected score of new real samples if the features were Gaussian; no lower bound"
HOLD_OUT = (
    "to compare with real samples that no run was trained on, put them into a file such as "
    "held-out.npz: {}"
)
ERROR = "SE: standard error over other samples of one generator; usually below that over seeds"
TRAINED_ON = "the reference is the training set, so copying it would score best"
SAMPLES = "samples: made by another tool, scored like the runs"
YARDSTICK = "yardstick: samples that no trained model made, scored like the runs; not ranked"
PROTOCOLS = "protocols of these runs (--protocol ID ranks another)"
LOCAL = "local: made with a plugin file (--plugin), of which the run keeps a copy"


@dataclass(frozen=True)
class Leaderboard:
    """Rows ranked under one protocol, and the runs that could not be ranked under it."""

    protocol: Protocol
    ranked: tuple[Row, ...]
    unranked: tuple[Unranked, ...]
    directories: Mapping[str, RunDirectory] = field(default_factory=dict, repr=False)
    """Run name → directory, for the ranked runs; in no output format."""
    published: tuple[PublishedFigure, ...] = ()
    """Figures that others published for these recipes; never ranked."""
    other_code: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Row's name → what differs in the code that made its seeds, at the same revisions."""

    protocols: tuple[tuple[Protocol, int], ...] = ()
    """Each protocol that the runs were scored under, and how many were; most runs first."""

    @property
    def header(self) -> str:
        """The protocol in words, and the numbers of generated and real samples."""
        return f"{self.protocol.words()}   {self.protocol.counts}   lower is better"

    @property
    def expected_real(self) -> float | None:
        """Expected score of new real samples with Gaussian features; None in older records."""
        return next((r.expected_real for r in self.ranked if r.expected_real is not None), None)

    @property
    def notes(self) -> list[str]:
        """Explanations of the columns and marks that the table has."""
        kinds = {row.kind for row in self.ranked}
        has_expected = self.expected_real is not None
        shown = {
            MEAN: True,
            REAL.format(three_digits(self.expected_real)): has_expected,
            HOLD_OUT.format(self._score_of_hold_out): has_expected and "yardstick" not in kinds,
            ERROR: any(row.n == 1 and any(row.standard_errors) for row in self.ranked),
            TRAINED_ON: self.protocol.split == "train",
            CLOSE: any(row.is_close for row in self.ranked),
            BEST: any(row.best for row in self.ranked),
            SAMPLES: "samples" in kinds,
            YARDSTICK: "yardstick" in kinds,
            LOCAL: any(row.is_local for row in self.ranked),
        }
        return [note for note, is_shown in shown.items() if is_shown] + self.code_notes

    @property
    def _score_of_hold_out(self) -> str:
        """The command that scores held-out samples under this protocol."""
        best = next((row for row in self.ranked if row.kind == "run"), None)
        runs = [run for name, run in self.directories.items() if best and name in best.runs]
        like = ["--like", reference_to(runs[0].path)] if runs else []
        return command("score", "held-out.npz", *like, "--name", "real", "--yardstick")

    @property
    def code_notes(self) -> list[str]:
        """One line for each row whose seeds were made by different code."""
        return [
            f"code: the seeds of {name} were made by different code: {'; '.join(differences)}"
            for name, differences in self.other_code.items()
        ]

    def require_same_code(self) -> None:
        """Raise ComparisonError if the seeds of a row were made by different code."""
        if self.other_code:
            raise ComparisonError("\n".join(self.code_notes), hint="compare without --strict-code")

    def sorted_by(self, column: str) -> "Leaderboard":
        """Return the leaderboard with its rows in the order of a column of the table.

        Numbers rise, or fall for ``-column``; rows without a value come last. The column of the
        distance is called ``score``, ``mean`` or by its heading, that of the ranks ``rank``.

        Raises:
            UsageError: there is no such column; names those there are.
        """
        name, falls = self._column_name(column), column.startswith("-")
        values = {key: [row.sort_value(key) for row in self.ranked] for key in self._sortable()}
        if name not in values:
            near = suggest(name, list(values)) or "score"
            raise UsageError(
                f"--sort: no column {name!r}; there are {', '.join(values)}", hint=f"--sort {near}"
            )
        present = [i for i, value in enumerate(values[name]) if value is not None]
        missing = [i for i, value in enumerate(values[name]) if value is None]
        present.sort(key=lambda index: _sort_key(values[name][index]), reverse=falls)
        return replace(self, ranked=tuple(self.ranked[i] for i in (*present, *missing)))

    def has_column(self, column: str) -> bool:
        """Whether rows can be sorted by it."""
        return self._column_name(column) in self._sortable()

    def _column_name(self, column: str) -> str:
        headings = {"#": "rank", self.protocol.distance_name: "score"}
        name = column.removeprefix("-")
        return headings.get(name, name)

    def _sortable(self) -> list[str]:
        named = ["score", "rank", "experiment", "n", "mean", "sd", "best"]
        columns = [*named, *SORTABLE_SAMPLING, *self._metric_columns(), *self._recipe_columns()]
        return list(dict.fromkeys(columns))

    def table(self) -> Table:
        """Return the rows for people, to three digits."""
        distance = f"{self.protocol.distance_name} ↓"
        sampling, metrics = self._sampling_columns(), self._metric_columns()
        recipe = self._recipe_columns()
        has_best = any(row.best for row in self.ranked)
        columns = ["#", "experiment", "n", distance, ""]
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

    def __repr__(self) -> str:
        counts = f"{len(self.ranked)} ranked, {len(self.unranked)} not ranked"
        return f"<Leaderboard {self.protocol.words()}: {counts}>"

    def _repr_html_(self) -> str:
        shown = html.paragraphs(self.header), self.table().html(), html.paragraphs(self.footer())
        return "".join(shown)

    def to_table(self) -> str:
        """Return everything as plain text."""
        return "\n\n".join([self.header, self.table().plain(), self.footer()])

    def footer(self) -> str:
        """Return the text below the table: notes, unranked runs, published figures."""
        lines = ["", "not ranked:"] if self.unranked else []
        for each in self.unranked:
            lines.append(f"  {each.run}: {each.reason}")
            lines += [f"    try: {each.command}"] if each.command else []
        lines += ["", f"{HEADING}:"] if self.published else []
        lines += [f"  {figure}" for figure in self.published]
        lines += ["", f"{PROTOCOLS}:"] if len(self.protocols) > 1 else []
        lines += [f"  {each}" for each in self._protocol_lines()]
        return "\n".join([*self.notes, *lines])

    def _protocol_lines(self) -> list[str]:
        """Return each protocol and how many runs were scored under it, if there are several."""
        if len(self.protocols) < 2:
            return []
        return [
            f"{each.id}  {each.words()}, {count} run{'s' * (count > 1)}"
            + (" (this table)" if each.id == self.protocol.id else "")
            for each, count in self.protocols
        ]

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
        others = [f"- {each}" for each in self._protocol_lines()]
        parts += [f"{PROTOCOLS.capitalize()}:", "\n".join(others)] if others else []
        return "\n\n".join(parts)

    def to_csv(self) -> str:
        """Return one line per row with all digits, then one per published figure, without a rank.

        Several values in a cell (one per seed, or the distinct values of a sampling field) are
        separated by spaces, in the order of ``seeds``. ``standard_error`` is the mean over those
        of the scores, and ``seed`` is that of the samples. What does not apply is empty.
        """
        lines = [_csv_row(row, self.protocol.id) for row in self.ranked]
        lines += [_csv_published(each) for each in self.published]
        columns = list(dict.fromkeys(name for line in lines for name in line))
        rows = [[_csv_cell(line.get(name)) for name in columns] for line in lines]
        return Table(columns, rows).csv()

    def to_json(self) -> str:
        """Return everything as JSON, with all digits and the whole protocol."""
        content = {
            "protocol_id": self.protocol.id,
            "protocol": asdict(self.protocol),
            "expected_real": self.expected_real,
            "ranked": [row.to_dict() for row in self.ranked],
            "unranked": [asdict(each) for each in self.unranked],
            "published": [asdict(figure) for figure in self.published],
            "other_code": self.other_code,
            "protocols": [{"id": p.id, "words": p.words(), "runs": n} for p, n in self.protocols],
        }
        return to_json(content, indent=2).decode()

    def _sampling_columns(self) -> list[str]:
        """Return the fields of the sampling that differ within the leaderboard."""
        return [
            name
            for name in self.ranked[0].sampling
            if len({value for row in self.ranked for value in row.sampling[name]}) > 1
        ]

    def _metric_columns(self) -> Sequence[str]:
        return list(dict.fromkeys(name for row in self.ranked for name in row.metrics))

    def _recipe_columns(self) -> Sequence[str]:
        return [key for row in self.ranked[:1] for key in row.recipe]


def _best(row: Row) -> str:
    """Return the mean of the best checkpoints, and their number if some seeds have none."""
    few = f" ({len(row.best)} of {row.n})" if 0 < len(row.best) < row.n else ""
    return three_digits(row.best_mean) + few


def _remark(row: Row) -> str:
    error = row.standard_errors[0] if row.n == 1 and row.standard_errors else None
    single = "n=1" if error is None else f"n=1, SE {three_digits(error)}"
    marks = {single: row.n == 1, "≈ best": row.is_close, "local": row.is_local}
    marks[row.kind] = row.kind != "run"
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Return a key that sorts numbers, also those in text, before words."""
    try:
        return 0, float(value), ""
    except ValueError:
        return 1, 0.0, str(value)


def _word(value: Any) -> str:
    return "none" if value is None else str(value)


def _csv_row(row: Row, protocol_id: str) -> dict[str, Any]:
    return {
        "rank": row.rank or None,
        "experiment": row.name,
        "n": row.n,
        "mean": row.mean,
        "sd": row.sd,
        "standard_error": row.standard_error,
        "p_value": row.p_value,
        "is_close": row.is_close,
        "expected_real": row.expected_real,
        "best": row.best_mean,
        "best_n": len(row.best),
        "is_local": row.is_local,
        "kind": row.kind,
        "seeds": row.seeds,
        "values": row.values,
        "standard_errors": row.standard_errors,
        **row.metrics,
        **row.sampling,
        **{f"recipe.{k}" if k in row.sampling else k: each for k, each in row.recipe.items()},
        "protocol_id": protocol_id,
        "runs": row.runs,
    }


def _csv_published(figure: PublishedFigure) -> dict[str, Any]:
    about = {f"published_{name}": getattr(figure, name) for name in PUBLISHED}
    return {"experiment": figure.recipe, **about, "published_facts": figure.facts}


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(_csv_cell(each) or "none" for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
