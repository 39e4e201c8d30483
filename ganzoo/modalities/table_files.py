"""Rows of a table in csv, tsv and parquet files, written and read by their columns."""

from __future__ import annotations

import csv
import math
from calendar import timegm
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganzoo.errors import DataError, printable, truncate
from ganzoo.modalities.codec import MISSING, options
from ganzoo.untrusted import LONGEST_TEXT, read_text

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.modalities.contract import Column

SEPARATORS = {".csv": "", ".tsv": "\t"}
"""Suffix of a text file → what separates its cells; empty: the separator of the spec."""

ISO = "%Y-%m-%dT%H:%M:%S"

# --- text ----------------------------------------------------------------------------------------


def text_of(
    columns: Sequence[Column], samples: Tensor, separator: str = ",", digits: int | None = None
) -> str:
    """Return rows (N, D) as the text of a csv file, under the names of their columns.

    Args:
        digits: significant digits of floats; None: as their columns have them.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n", delimiter=separator)
    writer.writerow(column.name for column in columns)
    cells = [
        [written_cell(column, value, digits) for value in values]
        for column, values in zip(columns, samples.T.tolist(), strict=True)
    ]
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def written_cell(column: Column, value: float, digits: int | None) -> str:
    """Return a stored value as a csv file has it; a float with all its digits, or rounded."""
    if not math.isfinite(value):
        return ""
    if words := options(column):
        return words[int(min(max(value, 0), len(words) - 1))]
    if column.kind == "datetime":
        try:
            return _written(datetime.fromtimestamp(value, UTC), column.pattern or ISO)
        except (OverflowError, ValueError, OSError):  # a year that no calendar has
            return ""
    if column.kind == "integer":
        return str(round(value))
    if digits is None and column.digits is not None:
        cell = f"{value:z.{column.digits}f}"
    else:
        cell = repr(value + 0.0) if digits is None else f"{value:z.{digits}g}"
    return cell.replace(".", ",") if column.pattern == "," else cell


def _written(time: datetime, pattern: str) -> str:
    """Return `time.strftime(pattern)`, alike on all systems."""
    parts = {"%Y": f"{time.year:04}", "%-m": time.month, "%-d": time.day, "%-H": time.hour}
    for code, part in parts.items():
        pattern = pattern.replace(code, str(part))
    return time.strftime(pattern)


def listed(words: Sequence[str], between: str = ", ") -> str:
    """Return names or categories for a message: in one line, and not all of many."""
    return printable(truncate(between.join(words), 300), one_line=True)


def cell_value(column: Column, cell: str | None, where: str) -> float:
    """Return a cell of a csv file as it is stored.

    Raises:
        DataError: it is empty, or not what the column holds.
    """
    words, text = options(column), (cell or "").strip()
    if column.missing and text in MISSING and text not in words:
        return math.nan
    try:
        if words:
            return float(words.index(text.lower() if column.kind == "boolean" else text))
        if column.kind == "datetime":
            read = datetime.strptime if column.pattern else datetime.fromisoformat
            time = read(text, *filter(None, [column.pattern.replace("%-", "%")]))
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        number = float(text.replace(",", ".") if column.pattern == "," else text)
        if not math.isfinite(number):
            raise ValueError
        return number
    except (ValueError, ArithmeticError):  # of a year that no calendar has
        wanted = listed(words[:5], " or ") or "empty" if words else f"of the kind {column.kind}"
        if column.kind == "datetime":
            wanted += f", such as {written_cell(column, (column.range or (0.0,))[0], None)}"
        raise DataError(
            f"{where}  {text[:40]!r} in the column {column.name!r} is not {wanted}",
            hint="correct the cell",
        ) from None


def read_text_file(columns: Sequence[Column], path: Path, separator: str) -> Tensor:
    """Return the rows of a csv or tsv file, float64 (N, D), whose first line names the columns.

    Raises:
        DataError: it has other columns, or a cell that its column cannot have.
    """
    import torch

    rows = []
    records = _records(read_text(path), path, separator)
    line, names = next(records, (1, []))
    wanted = listed([column.name for column in columns])
    hint = f"the columns are {wanted}; cells are separated by {separator!r}"
    _check_names(columns, names, f"{path}:{line}", hint)
    places = [names.index(column.name) for column in columns]
    for line, cells in records:
        if len(cells) != len(names):
            what = f"has not one cell a column; cells: {len(cells)}, columns: {len(names)}"
            raise DataError(f"{path}:{line}  {what}", hint="correct that line")
        pairs = zip(columns, places, strict=True)
        rows.append([cell_value(each, cells[place], f"{path}:{line}") for each, place in pairs])
    return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(columns))


def _records(text: str, path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the cells of each record; in one column, no cell is an empty one.

    Raises:
        DataError: a quote is not closed, or closed within a cell.
    """
    csv.field_size_limit(LONGEST_TEXT)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    line, width = 1, 0
    try:
        for cells in reader:
            if cells or width == 1:
                yield line, cells or [""]
            line, width = reader.line_num + 1, width or len(cells)
    except csv.Error as error:
        hint = 'close each quote by ", and write a quote within a cell as ""'
        raise DataError(f"{path}:{line}  cannot be read: {error}", hint=hint) from error


def _check_names(columns: Sequence[Column], found: list[str], where: str, hint: str) -> None:
    if sorted(found) != sorted(column.name for column in columns):
        raise DataError(f"{where}  has the columns {listed(found) or 'of no name'}", hint=hint)


# --- parquet -------------------------------------------------------------------------------------


def _pyarrow() -> ModuleType:
    """Return pyarrow, which is needed for parquet alone.

    Raises:
        DataError: it is not installed.
    """
    try:
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        raise DataError(
            "parquet needs pyarrow, which comes with ganzoo-table", hint="pip install ganzoo-table"
        ) from None
    found: ModuleType = pyarrow
    return found


def write_parquet(columns: Sequence[Column], samples: Tensor, path: Path) -> None:
    """Write rows: int64, float64, bool, date32 or timestamp[s], and string; null where missing."""
    pa = _pyarrow()
    arrays = {
        column.name: _array(pa, column, values)
        for column, values in zip(columns, samples.T.tolist(), strict=True)
    }
    pa.parquet.write_table(pa.table(arrays), path)


def _array(pa: Any, column: Column, values: list[float]) -> Any:
    present = [value if math.isfinite(value) else None for value in values]
    if column.kind == "float":
        return pa.array(present, pa.float64())
    if column.kind == "category":
        words = column.categories
        cells = [None if each is None else words[int(each)] or None for each in present]
        return pa.array(cells, pa.string())
    if column.kind == "boolean":
        return pa.array([None if each is None else bool(each) for each in present], pa.bool_())
    whole = [None if each is None else round(each) for each in present]
    if column.kind == "integer":
        return pa.array(whole, pa.int64())
    times = pa.array(whole, pa.timestamp("s"))
    return times.cast(pa.date32(), safe=False) if _is_date(column) else times


def _is_date(column: Column) -> bool:
    """Return whether a column of datetimes has days without a time."""
    return bool(column.pattern) and "H" not in column.pattern


def read_parquet(columns: Sequence[Column], path: Path) -> Tensor:
    """Return the rows of a parquet file, float64 (N, D).

    Raises:
        DataError: it cannot be read, has other columns, or a value that its column cannot have.
    """
    import torch

    pa = _pyarrow()
    try:
        table = pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{path} cannot be read: {said}", hint="save the rows as csv") from error
    hint = f"the columns are {listed([each.name for each in columns])}"
    _check_names(columns, table.column_names, f"{path}:", hint)
    found = [
        [_value(column, value, f"{path}: row {row}") for row, value in enumerate(values, 1)]
        for column in columns
        for values in [_plain(pa, column, table[column.name]).to_pylist()]
    ]
    rows = torch.tensor(found, dtype=torch.float64)
    return rows.T.reshape(table.num_rows, len(columns)).contiguous()


def _plain(pa: Any, column: Column, values: Any) -> Any:
    """Return points in time in whole seconds of UTC, and categories that are numbers as text."""
    if column.kind == "category" and pa.types.is_primitive(values.type):
        return values.cast(pa.string())
    return values.cast(pa.timestamp("s"), safe=False) if column.kind == "datetime" else values


def _value(column: Column, value: Any, where: str) -> float:
    """Return a value of a parquet file as it is stored.

    Raises:
        DataError: it is not what the column holds.
    """
    if column.kind in ("integer", "float", "boolean") and isinstance(value, bool | int | float):
        return float(value)
    if hasattr(value, "timetuple"):  # a date or a datetime
        return float(timegm(value.timetuple()))
    return cell_value(column, None if value is None else str(value), where)
