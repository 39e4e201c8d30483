"""The page of a leaderboard."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzoo.errors import DataError, RecipeError
from ganzoo.recipes.lock import read_lock
from ganzoo.report.leaderboard import Leaderboard
from ganzoo.report.naming import differences_of
from ganzoo.report.pages.history import evaluations, score_charts, term_charts
from ganzoo.report.pages.page import (
    Preview,
    explanation,
    preview,
    protocol_rows,
    render,
)
from ganzoo.report.rows import Row
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.samples import REAL, last_preview, previews

DRAWN = 8
"""Number of runs with lines and curves: more could not be distinguished."""

PICTURED = 16
"""Number of rows whose samples are shown."""


def comparison_page(*comparisons: Leaderboard) -> str:
    """Return leaderboards as one page: tables, curves, samples, differences, protocols."""
    boards = [_board(each, index) for index, each in enumerate(comparisons, start=1)]
    many = len(boards) > 1
    title = "Leaderboards" if many else f"Leaderboard: {boards[0]['title']}"
    return render("comparison.html", title=title, boards=boards, many=many)


def _board(comparison: Leaderboard, index: int) -> dict[str, Any]:
    """Return what the template needs for one ranking; `index` makes ids unique."""
    table, protocol = comparison.table(), comparison.protocol
    runs = [row for row in comparison.ranked if row.kind == "run"]
    drawn = runs[:DRAWN]
    charts = score_charts(
        {row.name: _evaluations(comparison, row) for row in drawn},
        protocol.distance_name,
    )
    return {
        "suffix": f"-{index}" if index > 1 else "",
        "title": protocol.words(),
        "samples": f"{protocol.counts} samples",
        "columns": table.columns,
        "numeric": set(table.numbers),
        "rows": [
            {"cells": cells, "sorts": _values(row, table.columns), "kind": row.kind}
            for row, cells in zip(comparison.ranked, table.rows, strict=True)
        ],
        "notes": [*comparison.notes, *_descriptions(comparison)],
        "charts": charts or (),
        "drawn": len(drawn),
        "more": len(runs) > len(drawn),
        "grids": _grids(comparison, comparison.ranked[:PICTURED]),
        "differences": _differences(comparison, drawn),
        "curves": _curves(comparison, drawn),
        "unranked": comparison.unranked,
        "published": comparison.published,
        "explanation": explanation(protocol),
        "protocol": protocol_rows(protocol),
    }


def _descriptions(comparison: Leaderboard) -> list[str]:
    """Return the descriptions of external samples."""
    found = {}
    for row in comparison.ranked:
        for run in _runs(comparison, row)[:1]:
            if row.kind != "run":
                found[row.name] = run.info()["samples"].get("description")
    return [f"{name}: {words}" for name, words in found.items() if words]


def _runs(comparison: Leaderboard, row: Row) -> list[RunDirectory]:
    return [comparison.directories[name] for name in row.runs if name in comparison.directories]


def _values(row: Row, columns: Sequence[str]) -> list[float | None]:
    """Return the sort key of each cell, or None to sort by its text."""
    numbers: Mapping[str, Any] = {
        "#": row.rank or None,
        "n": row.n,
        "best": row.best_mean,
        **row.metrics,
    }
    return [row.mean if column.endswith("↓") else numbers.get(column) for column in columns]


def _evaluations(comparison: Leaderboard, row: Row) -> list[Any]:
    protocol = comparison.protocol
    found = []
    for run in _runs(comparison, row):
        scores = run.scores()
        # During training a run is often scored with fewer samples than at the end.
        during = [score for score in scores if score.selected == "during"]
        identifier = during[-1].protocol.id if during else protocol.id
        found.append(evaluations(run, scores, identifier))
    return found


def _grids(comparison: Leaderboard, rows: Iterable[Row]) -> list[Preview]:
    """Return the last samples of each row's first seed, and real ones before them."""
    real: Preview | None = None
    found: list[Preview | None] = []
    for row in rows:
        for run in _runs(comparison, row)[:1]:
            real = real or preview("real samples", previews(run).get(REAL, ()))
            found.append(preview(f"{row.name}, seed {row.seeds[0]}", last_preview(run)))
    return [each for each in (real, *found) if each is not None]


def _differences(comparison: Leaderboard, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the recipe keys that differ, and their values for each row."""
    locks, names = [], []
    for row in rows:
        for run in _runs(comparison, row)[:1]:
            try:
                locks.append(read_lock(run.lock_file))
                names.append(row.name)
            except (RecipeError, DataError):
                continue
    return {"names": names, "rows": differences_of(locks)}


def _curves(comparison: Leaderboard, rows: Iterable[Row]) -> list[tuple[str, Any]]:
    found = []
    for row in rows:
        for run in _runs(comparison, row)[:1]:
            if charts := term_charts(run.metrics()):
                found.append((f"{row.name}, seed {row.seeds[0]}", charts))
    return found
