"""The order of a file's rows: series, times, gaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ganzoo.api import DataError
from ganzoo.nn import MISSING
from ganzoo_table.kinds import Stored, stored_column
from ganzoo_table.reading import Source
from ganzoo_table.series.windows import Values

GAP = 1.5
"""A step of more than this many medians is a gap, unless a recipe says otherwise."""
EVEN = 0.1
"""A step that differs from the median by more than this share of it is uneven."""


class Clock(NamedTuple):
    """How a file's rows follow each other.

    `order`: rows of the file, series after series, each in time. `breaks`: places in that order
    where a piece without a gap begins, the first one included. `series`: places where a series
    begins. `gaps` and `uneven` count steps of time.
    """

    order: NDArray[np.int64]
    breaks: NDArray[np.int64]
    series: NDArray[np.int64]
    gaps: int
    uneven: int


def channel_of(source: Source, name: str, wanted: str | None = None) -> Stored:
    """Return a column of a file; see `stored_column`.

    Raises:
        DataError: its advice is for series, where `columns` names channels and not kinds.
    """
    try:
        return stored_column(source, name, source.columns[name], wanted)
    except DataError as error:
        error.hint = f"correct the cell, or leave {name} out of dataset.columns"
        raise


def groups_of(source: Source, group: str | None) -> NDArray[np.int64]:
    """Return the number of each row's series; all 0 without a column of groups.

    Raises:
        DataError: a row has no group.
    """
    if group is None:
        return np.zeros(source.rows, dtype=np.int64)
    codes = channel_of(source, group, "category").values
    if np.isnan(codes).any():
        where = source.where(int(np.isnan(codes).argmax()))
        raise DataError(f"{where} has no {group}", hint="fill the cell")
    return codes.astype(np.int64)


def clock_of(
    source: Source, time: str | None, groups: NDArray[np.int64], gap: float = GAP
) -> Clock:
    """Return the order of rows; without a column of times it is that of the file.

    Args:
        gap: a step of more than this many medians is a gap.

    Raises:
        DataError: times are missing, are no times, or do not increase within a series.
    """
    order = np.argsort(groups, kind="stable")
    series = np.flatnonzero(np.diff(groups[order], prepend=-1))
    if time is None:
        return Clock(order, series, series, 0, 0)
    times = times_of(source, time)[order]
    steps, inner = np.diff(times), np.ones(len(times) - 1, dtype=bool)
    inner[series[1:] - 1] = False  # from one series to the next
    if (wrong := np.flatnonzero(inner & ~(steps > 0))).size:
        raise _out_of_order(source, order, times, int(wrong[0]), time)
    usual = float(np.median(steps[inner])) if inner.any() else 1.0
    gaps = np.flatnonzero(inner & (steps > gap * usual))
    near = inner & (steps <= gap * usual)
    uneven = int((np.abs(steps[near] - usual) > EVEN * usual).sum())
    breaks = np.union1d(series, gaps + 1)
    return Clock(order, breaks, series, len(gaps), uneven)


def _out_of_order(
    source: Source, order: NDArray[np.int64], times: Values, place: int, time: str
) -> DataError:
    before, where = int(order[place]) + 1, source.where(int(order[place + 1]))
    if times[place] == times[place + 1]:
        return DataError(
            f"{where} has the same {time} as row {before}",
            hint="dataset.group=COLUMN if the file holds several series; else remove one row",
        )
    return DataError(
        f"{where} has an earlier {time} than row {before}",
        hint="sort the rows; dataset.group=COLUMN if the file holds several series",
    )


def times_of(source: Source, name: str) -> Values:
    """Return numbers as they are, and datetimes as seconds since 1970, float64.

    Raises:
        DataError: a cell is missing, or neither a number nor a datetime. Names the row.
    """
    cells = source.columns[name]
    values = _stamps(cells)
    if values is None:
        try:
            column, values, _ = stored_column(source, name, cells, None)
            if column.kind not in ("integer", "float", "datetime"):
                kind = "float" if _is_number(cells[0].as_py()) else "datetime"
                values = stored_column(source, name, cells, kind).values  # names the wrong one
        except DataError as error:
            error.hint = "write times as numbers, or as 2024-01-31 10:20:30, all in one form"
            raise
    if np.isnan(values).any():
        where = source.where(int(np.isnan(values).argmax()))
        raise DataError(f"{where} has no {name}", hint="fill the cell")
    return values


def _is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True


def _stamps(cells: pa.ChunkedArray) -> Values | None:
    """Return ISO 8601 texts, timestamps and dates as seconds, NaN where missing; else None."""
    texts = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
    if not (texts or pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type)):
        return None
    if texts:
        gone = pc.is_in(cells, value_set=pa.array(MISSING, cells.type))
        cells = pc.if_else(gone, pa.scalar(None, cells.type), cells)
    for zone in (None, "UTC") if texts else (None,):
        try:
            stamps = pc.cast(cells, pa.timestamp("us", tz=zone), safe=texts)
        except pa.ArrowInvalid:
            continue
        micros = pc.cast(pc.cast(stamps, pa.int64()), pa.float64(), safe=False)
        return np.asarray(micros.to_numpy(), dtype=np.float64) / 1e6
    return None
