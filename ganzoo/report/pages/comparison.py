"""The page of a leaderboard."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzoo.errors import DataError, RecipeError
from ganzoo.recipes.lock import read_lock
from ganzoo.report.leaderboard import Comparison, Row
from ganzoo.report.naming import differences_of
from ganzoo.report.pages.history import evaluations, score_charts, term_charts
from ganzoo.report.pages.page import (
    Picture,
    explanation,
    pictures,
    protocol_rows,
    render,
)
from ganzoo.runs.directory import RunDirectory

DRAWN = 8
"""So many of the first rows have lines, pictures and curves: more could not be told apart."""


def comparison_page(comparison: Comparison) -> str:
    """Return a leaderboard as one page: the table, courses, samples, differences, protocol."""
    table, protocol = comparison.table(), comparison.protocol
    drawn = comparison.ranked[:DRAWN]
    charts = score_charts(
        {row.name: _evaluations(comparison, row) for row in drawn},
        protocol.distance_name,
    )
    return render(
        "comparison.html",
        title=f"Leaderboard: {protocol.words()}",
        samples=f"{protocol.n_fake:,} generated samples against {protocol.n_real:,} real ones",
        columns=table.columns,
        numeric=set(table.numbers),
        rows=[
            {"cells": cells, "sorts": _values(row, table.columns)}
            for row, cells in zip(comparison.ranked, table.rows, strict=True)
        ],
        notes=comparison.notes,
        charts=charts or (),
        grids=_grids(comparison, drawn),
        differences=_differences(comparison, drawn),
        curves=_curves(comparison, drawn),
        unranked=comparison.unranked,
        published=comparison.published,
        explanation=explanation(protocol),
        protocol=protocol_rows(protocol),
    )


def _runs(comparison: Comparison, row: Row) -> list[RunDirectory]:
    return [comparison.directories[name] for name in row.runs if name in comparison.directories]


def _values(row: Row, columns: Sequence[str]) -> list[float | None]:
    """Return what each cell is sorted by where its text is no plain number."""
    numbers: Mapping[str, Any] = {
        "#": row.rank,
        "n": row.n,
        "best": row.best_mean,
        **row.metrics,
    }
    return [row.mean if column.endswith("↓") else numbers.get(column) for column in columns]


def _evaluations(comparison: Comparison, row: Row) -> list[Any]:
    protocol = comparison.protocol
    found = []
    for run in _runs(comparison, row):
        scores = run.scores()
        # On its way a run is often scored with fewer samples than at its end.
        during = [s for s in scores if s.sampling and s.sampling.selected == "during"]
        identifier = during[-1].protocol.id if during else protocol.id
        found.append(evaluations(run, scores, identifier))
    return found


def _grids(comparison: Comparison, rows: Iterable[Row]) -> list[Picture]:
    """Return the last samples of each row's first seed, and real ones before them."""
    found: list[Picture] = []
    for row in rows:
        for run in _runs(comparison, row)[:1]:
            samples = sorted(run.samples_directory.glob("step-*.png"))
            if not found:
                found += pictures([(run.samples_directory / "real.png", "real samples")])
            words = f"{row.name}, seed {row.seeds[0]}"
            found += pictures((path, words) for path in samples[-1:])
    return found


def _differences(comparison: Comparison, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the keys of the recipes that differ, and each row's values."""
    locks, names = [], []
    for row in rows:
        for run in _runs(comparison, row)[:1]:
            try:
                locks.append(read_lock(run.lock_file))
                names.append(row.name)
            except (RecipeError, DataError):
                continue
    return {"names": names, "rows": differences_of(locks)}


def _curves(comparison: Comparison, rows: Iterable[Row]) -> list[tuple[str, Any]]:
    found = []
    for row in rows:
        for run in _runs(comparison, row)[:1]:
            if charts := term_charts(run.metrics()):
                found.append((f"{row.name}, seed {row.seeds[0]}", charts))
    return found
