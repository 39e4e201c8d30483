"""Read a csv, tsv or parquet file as columns; what is wrong with it names its line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from csv import Error as CsvError
from csv import field_size_limit, reader
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from ganzoo.api import DataError

SUFFIXES = (".csv", ".tsv", ".parquet")
SEPARATORS = {".csv": ",;\t|", ".tsv": "\t"}
"""What may stand between the cells; of a csv, what makes most columns of its first line."""
HEAD = 1 << 20
"""Bytes within which the first line ends."""
BLOCK = 1 << 24
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16."""
LONGEST_CELL = 1 << 28
"""Characters, as many as a text file that is scored may have bytes."""


@dataclass(frozen=True)
class Source:
    """The columns of a file, all as text (csv, tsv) or as they are stored (parquet).

    Args:
        columns: of the file, in order. Who takes one out frees its memory.
        rows: their length.
        separator: of the cells.
    """

    path: Path
    columns: dict[str, pa.ChunkedArray]
    rows: int
    separator: str = ","

    def where(self, row: int) -> str:
        """Return the place of a row, counted from 0: its line, or its number in parquet."""
        if self.path.suffix.lower() == ".parquet":
            return f"{self.path}: row {row + 1} "
        lines = self.records()
        next(lines)
        return f"{self.path}:{next(line for index, (line, _) in enumerate(lines) if index == row)} "

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the first line and the cells of each record of a text file, names included.

        Of one column, an empty line is a missing value.
        """
        return _records(self.path, self.separator)


def read_source(path: Path) -> Source:
    """Return a file's columns.

    Raises:
        DataError: it is no such file, is damaged, is empty, or two columns have one name.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file", hint="dataset.path=FILE.csv, .tsv or .parquet")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise DataError(f"{path} is none of {known}", hint="save the table as csv")
    source = _read_parquet(path) if suffix == ".parquet" else _read_text(path, suffix)
    if not source.rows:
        raise DataError(f"{path} has no rows", hint="a line of names, then one line a row")
    return source


def _read_parquet(path: Path) -> Source:
    try:
        _check_names(f"{path}: ", parquet.read_schema(path).names)
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path} cannot be read: {said}", hint="save it again, or as csv"
        ) from error
    return _source(path, table)


def _read_text(path: Path, suffix: str) -> Source:
    separator, line, names = _first_line(path, suffix)
    _check_names(f"{path}:{line}  ", names)
    start = csv.ReadOptions(skip_rows=line - 1)
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    parse = csv.ParseOptions(
        delimiter=separator,
        newlines_in_values=True,
        ignore_empty_lines=len(names) > 1,  # of one column, an empty line is a missing value
    )
    try:
        table = csv.read_csv(path, start, parse, convert)
    except (pa.ArrowException, OSError) as error:
        raise _what_is_wrong(path, separator, names, str(error)) from error
    if _has_quotes(path):  # pyarrow reads on where one is not closed, or closed within a cell
        _check_records(path, separator, names)
    return _source(path, table, separator)


def _source(path: Path, table: pa.Table, separator: str = ",") -> Source:
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return Source(path, columns, table.num_rows, separator)


def _first_line(path: Path, suffix: str) -> tuple[str, int, list[str]]:
    """Return what separates the cells, the first line that is not empty, and the names in it."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(WIDE_MARKS):
        raise _no_utf8(path, 1, "utf-16")
    if not head.strip():
        raise DataError(f"{path} is empty", hint="a line of names, then one line a row")
    best: tuple[str, int, list[str]] = ("", 1, [])
    for separator in SEPARATORS[suffix]:
        try:
            line, names = next(_records(path, separator))
        except UnicodeDecodeError:
            raise _no_utf8(path, 1) from None
        except (CsvError, StopIteration):
            continue
        if len(names) > len(best[2]):
            best = separator, line, names
    if not best[2]:
        raise DataError(f"{path}:1  holds no names of columns", hint="name the columns in line 1")
    return best


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as text:
        lines = reader(text, delimiter=separator, strict=True)
        line, width = 1, 0
        for cells in lines:
            if cells or width == 1:
                yield line, cells or [""]
            line, width = lines.line_num + 1, width or len(cells)


def _check_names(where: str, names: list[str]) -> None:
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        if not doubled[0].strip():
            raise DataError(f"{where}columns have no name", hint="name them")
        raise DataError(
            f"{where}two columns are called {doubled[0]!r}", hint="give each its own name"
        )
    if unnamed := [index for index, name in enumerate(names, 1) if not name.strip()]:
        raise DataError(f"{where}column {unnamed[0]} has no name", hint="name it")


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(BLOCK), b""))


def _check_records(path: Path, separator: str, names: list[str]) -> None:
    """Check every record by Python's reader, which knows lines.

    Raises:
        DataError: a quote that is not closed, or a line with too many or too few cells.
    """
    line = 0
    records = _records(path, separator)
    while True:
        try:
            line, cells = next(records, (0, []))
        except CsvError as error:
            where = f"{path}, in the record after line {line}" if line else path
            what = "a quote is not closed" if "unexpected end" in str(error) else str(error)
            hint = 'close it by ", and write a quote within a cell as ""'
            raise DataError(f"{where}: {what}", hint=hint) from None
        if not line:
            return
        if len(cells) != len(names):
            counts = f"cells: {len(cells)}, columns: {len(names)}"
            raise DataError(
                f"{path}:{line}  has not one cell a column; {counts}",
                hint=f"correct that line; a cell that holds {separator!r} is quoted",
            )


def _what_is_wrong(path: Path, separator: str, names: list[str], said: str) -> DataError:
    """Return the error about a file that pyarrow cannot read, with its line where there is one."""
    try:
        _check_records(path, separator, names)
    except DataError as error:
        return error
    except UnicodeDecodeError:
        with path.open("rb") as file:
            for line, content in enumerate(file, 1):
                try:
                    content.decode()
                except UnicodeDecodeError:
                    return _no_utf8(path, line)
    return DataError(f"{path} cannot be read: {' '.join(said.split())[:200]}", hint="save it again")


def _no_utf8(path: Path, line: int, encoding: str = "latin1") -> DataError:
    name, new = (shlex.quote(str(each)) for each in (path, path.with_stem(f"{path.stem}-utf8")))
    return DataError(
        f"{path}:{line}  is not UTF-8", hint=f"iconv -f {encoding} -t utf-8 {name} > {new}"
    )
