"""The order of a file's rows: series, times, gaps."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ganzoo.api import DataError
from ganzoo_table.reading import stored_column
from ganzoo_table.series.windows import Values

GAP = 1.5
"""A step of more than this many medians is a gap."""
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


def groups_of(table: pa.Table, group: str | None, path: Path) -> NDArray[np.int64]:
    """Return the number of each row's series; all 0 without a column of groups.

    Raises:
        DataError: a row has no group.
    """
    if group is None:
        return np.zeros(table.num_rows, dtype=np.int64)
    _, codes = stored_column(group, table[group], "category", path)
    if np.isnan(codes).any():
        row = int(np.isnan(codes).argmax()) + 1
        raise DataError(f"{path}: row {row} has no {group}", hint="fill the cell")
    return codes.astype(np.int64)


def clock_of(table: pa.Table, time: str | None, groups: NDArray[np.int64], path: Path) -> Clock:
    """Return the order of rows; without a column of times it is that of the file.

    Raises:
        DataError: times are missing, are no times, or do not increase within a series.
    """
    order = np.argsort(groups, kind="stable")
    series = np.flatnonzero(np.diff(groups[order], prepend=-1))
    if time is None:
        return Clock(order, series, series, 0, 0)
    times = times_of(time, table[time], path)[order]
    steps, inner = np.diff(times), np.ones(len(times) - 1, dtype=bool)
    inner[series[1:] - 1] = False  # from one series to the next
    if (wrong := np.flatnonzero(inner & ~(steps > 0))).size:
        raise _out_of_order(order, times, int(wrong[0]), time, path)
    usual = float(np.median(steps[inner])) if inner.any() else 1.0
    gaps = np.flatnonzero(inner & (steps > GAP * usual))
    near = inner & (steps <= GAP * usual)
    uneven = int((np.abs(steps[near] - usual) > EVEN * usual).sum())
    breaks = np.union1d(series, gaps + 1)
    return Clock(order, breaks, series, len(gaps), uneven)


def _out_of_order(
    order: NDArray[np.int64], times: Values, place: int, time: str, path: Path
) -> DataError:
    before, row = order[place] + 1, order[place + 1] + 1
    if times[place] == times[place + 1]:
        return DataError(
            f"{path}: rows {before} and {row} have the same {time}",
            hint="dataset.group=COLUMN if the file holds several series; else remove one row",
        )
    return DataError(
        f"{path}: row {row} has an earlier {time} than row {before}",
        hint="sort the rows; dataset.group=COLUMN if the file holds several series",
    )


def times_of(name: str, cells: pa.ChunkedArray, path: Path) -> Values:
    """Return numbers as they are, and datetimes as seconds since 1970, float64.

    Raises:
        DataError: a cell is missing, or neither a number nor a datetime. Names the row.
    """
    values = _stamps(cells)
    if values is None:
        column, values = stored_column(name, cells, None, path)
        if column.kind not in ("integer", "float", "datetime"):
            kind = "float" if _is_number(cells[0].as_py()) else "datetime"
            column, values = stored_column(name, cells, kind, path)  # names the row that is not
    if np.isnan(values).any():
        row = int(np.isnan(values).argmax()) + 1
        raise DataError(f"{path}: row {row} has no {name}", hint="fill the cell")
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
