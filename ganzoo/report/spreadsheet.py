"""The rows of a ranking for programs: all digits, and every column of the table for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ganzoo.report.table import Table

if TYPE_CHECKING:
    from ganzoo.report.leaderboard import Row
    from ganzoo.report.published import PublishedFigure

PUBLISHED = ("metric", "value", "n_real", "n_fake", "extractor", "split", "select", "source")
"""Fields of a published figure; their columns are called ``published_…``."""


def spreadsheet(
    rows: Sequence[Row], published: Sequence[PublishedFigure], protocol_id: str
) -> Table:
    """Return one line a row, then one a published figure, which has no rank and no mean.

    Several values in a cell (one a seed, or all that a field of the sampling had) are parted by
    spaces, in the order of ``seeds``. ``standard_error`` is the mean over those of the scores, and
    ``seed`` is the samples' own. What does not apply is empty.
    """
    lines = [_ranked(row, protocol_id) for row in rows] + [_published(each) for each in published]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    return Table(columns, [[_cell(line.get(name)) for name in columns] for line in lines])


def _ranked(row: Row, protocol_id: str) -> dict[str, Any]:
    return {
        "rank": row.rank or None,
        "experiment": row.name,
        "n": row.n,
        "mean": row.mean,
        "sd": row.sd,
        "standard_error": row.standard_error,
        "p_value": row.p_value,
        "is_close": row.is_close,
        "floor": row.floor,
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


def _published(figure: PublishedFigure) -> dict[str, Any]:
    about = {f"published_{name}": getattr(figure, name) for name in PUBLISHED}
    return {"experiment": figure.recipe, **about, "published_facts": figure.facts}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(_cell(each) or "none" for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
