"""The order of a file's rows: series, times, gaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ganzoo.api import DataError
from ganzoo_table.kinds import stored_column
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


def groups_of(source: Source, group: str | None) -> NDArray[np.int64]:
    """Return the number of each row's series; all 0 without a column of groups.

    Raises:
        DataError: a row has no group.
    """
    if group is None:
        return np.zeros(source.rows, dtype=np.int64)
    codes = stored_column(source, group, source.columns[group], "category").values
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
        column, values, _ = stored_column(source, name, cells, None)
        if column.kind not in ("integer", "float", "datetime"):
            kind = "float" if _is_number(cells[0].as_py()) else "datetime"
            values = stored_column(source, name, cells, kind).values  # names the one that is not
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
    for zone in (None, "UTC") if texts else (None,):
        try:
            stamps = pc.cast(cells, pa.timestamp("us", tz=zone), safe=texts)
        except pa.ArrowInvalid:
            continue
        micros = pc.cast(pc.cast(stamps, pa.int64()), pa.float64(), safe=False)
        return np.asarray(micros.to_numpy(), dtype=np.float64) / 1e6
    return None
