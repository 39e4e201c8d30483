"""Read a csv or parquet file, and find out what its columns hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from csv import reader
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv, parquet

from ganzoo.api import Column, DataError

KINDS = ("integer", "float", "boolean", "datetime", "category")
"""Kinds of columns, in the order in which they are tried."""

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"]
"""Cells that stand for a missing value; a table that is written has empty ones."""
PATTERNS = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
)
"""Forms of a datetime; the first that fits every cell of a column is taken."""
SUFFIXES = (".csv", ".tsv", ".parquet")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
WHOLE = 2**53
"""Integers beyond this have no exact float64."""

_LEADING_ZERO = r"^-?0[0-9]"
_LINE = re.compile(r"Row #(\d+): (.*)", re.DOTALL)


def read_table(path: Path) -> pa.Table:
    """Return a file's columns, all as text (csv) or as they are stored (parquet).

    Raises:
        DataError: it is no such file, is damaged, is empty, or two columns have one name.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file", hint="dataset.path=FILE.csv, .tsv or .parquet")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise DataError(f"{path} is none of {known}", hint="save the table as csv")
    try:
        table = parquet.read_table(path) if suffix == ".parquet" else _read_text(path, suffix)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise _unreadable(path, error) from error
    names = table.column_names
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"{path}:1  two columns are called {doubled[0]!r}", hint="give each its own name"
        )
    if unnamed := [index for index, name in enumerate(names, 1) if not name.strip()]:
        raise DataError(f"{path}:1  column {unnamed[0]} has no name", hint="name it in line 1")
    if not table.num_rows:
        raise DataError(f"{path} has no rows", hint="a line of names, then one line a row")
    return table


def _read_text(path: Path, suffix: str) -> pa.Table:
    delimiter = DELIMITERS[suffix]
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    if suffix == ".csv" and first.count(b",") < first.count(b";"):
        delimiter = ";"
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with path.open(encoding="utf-8-sig", newline="") as text:
        names = next(reader(text, delimiter=delimiter), [])
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    try:
        return csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid:  # of several threads none knows the number of the line
        alone = csv.ReadOptions(use_threads=False)
        return csv.read_csv(path, alone, parse_options=parse, convert_options=convert)


def _unreadable(path: Path, error: Exception) -> DataError:
    said = " ".join(str(error).split())
    found = _LINE.search(said)
    where = f"{path}:{found[1]} " if found else f"{path}"
    if "UTF8" in said or "UTF-8" in said or isinstance(error, UnicodeError):
        return DataError(f"{where} is not UTF-8", hint="save it as UTF-8")
    if found:
        return DataError(f"{where} {found[2][:200]}", hint="correct that line")
    return DataError(f"{path} cannot be read: {said[:200]}", hint="save it as csv")


def stored_column(
    name: str, cells: pa.ChunkedArray, wanted: str | None, path: Path
) -> tuple[Column, NDArray[np.float64]]:
    """Return what a column holds, not fitted yet, and its values: float64, NaN where missing.

    Args:
        wanted: a word of `KINDS`, or None to find out.

    Raises:
        DataError: the values are not of the wanted kind; names the line of the first.
    """
    cells = cells.combine_chunks() if cells.num_chunks != 1 else cells.chunk(0)
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return _stored_typed(name, cells, wanted, path)
    cells = pc.utf8_trim_whitespace(cells)
    gone = pc.is_in(cells, value_set=pa.array(MISSING))
    texts = pc.if_else(gone, pa.scalar(None, pa.string()), cells)
    for kind in KINDS if wanted is None else (wanted,):
        found = _as_kind(name, kind, texts)
        if found is not None:
            return found
    raise _wrong(name, str(wanted), texts, path)


def _as_kind(name: str, kind: str, texts: pa.Array) -> tuple[Column, NDArray[np.float64]] | None:
    """Return the column as one of a kind, or None if some cell is not of that kind."""
    missing = texts.null_count > 0
    present = pc.drop_null(texts)
    if kind == "category":
        return _category(name, texts)
    if not len(present):
        return None
    if kind == "boolean":
        lower = pc.utf8_lower(texts)
        if not pc.all(pc.is_in(pc.drop_null(lower), value_set=pa.array(["true", "false"]))).as_py():
            return None
        return Column(name, kind, missing=missing), _floats(pc.equal(lower, "true"))
    if kind == "datetime":
        return _datetime(name, texts, missing)
    if pc.any(pc.match_substring_regex(present, _LEADING_ZERO)).as_py() and kind == "integer":
        return None  # a code, such as a postal one, that a number would shorten
    try:
        if kind == "integer":
            numbers = pc.cast(texts, pa.int64())
            if pc.max(pc.abs(numbers)).as_py() > WHOLE:
                return None
            return Column(name, kind, missing=missing), _floats(numbers)
        if pc.any(pc.match_substring_regex(present, _LEADING_ZERO + r"[0-9]*$")).as_py():
            return None
        values = _floats(pc.cast(texts, pa.float64()))
    except pa.ArrowInvalid:
        return None
    if np.isinf(values).any():
        return None
    return Column(name, kind, missing=missing, digits=_decimals(present)), values


def _decimals(texts: pa.Array) -> int | None:
    """Return the largest number of decimals, or None where a cell has an exponent."""
    if pc.any(pc.match_substring_regex(texts, "[eE]")).as_py():
        return None
    fractions = pc.replace_substring_regex(texts, r"^[^.]*\.?", "")
    return int(pc.max(pc.utf8_length(fractions)).as_py())


def _datetime(
    name: str, texts: pa.Array, missing: bool
) -> tuple[Column, NDArray[np.float64]] | None:
    for pattern in PATTERNS:
        try:
            times = pc.strptime(texts, format=pattern, unit="s", error_is_null=True)
        except pa.ArrowInvalid:
            continue
        if times.null_count == texts.null_count and _exactly(pc.drop_null(texts), pattern):
            column = Column(name, "datetime", missing=missing, pattern=pattern)
            return column, _floats(pc.cast(times, pa.int64()))
    return None


def _exactly(texts: pa.Array, pattern: str) -> bool:
    """Return whether some cells are written as Python reads the pattern, to the end."""
    for text in texts.slice(0, 20).to_pylist():
        try:
            datetime.strptime(text, pattern)
        except ValueError:
            return False
    return True


def _category(name: str, texts: pa.Array) -> tuple[Column, NDArray[np.float64]]:
    encoded = texts.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=lambda index: words[index])
    places = np.empty(len(words))
    places[order] = np.arange(len(words))
    codes = _floats(encoded.indices)
    known = ~np.isnan(codes)
    codes[known] = places[codes[known].astype(np.int64)]
    column = Column(
        name,
        "category",
        tuple(words[index] for index in order) or ("(missing)",),
        missing=texts.null_count > 0,
    )
    return column, codes


def _stored_typed(
    name: str, cells: pa.Array, wanted: str | None, path: Path
) -> tuple[Column, NDArray[np.float64]]:
    """Return a parquet column, which brings its type."""
    kind, missing = cells.type, cells.null_count > 0
    if pa.types.is_dictionary(kind):
        return stored_column(name, pa.chunked_array([cells.dictionary_decode()]), wanted, path)
    if wanted == "category":
        return _category(name, pc.cast(cells, pa.string()))
    if pa.types.is_boolean(kind):
        return Column(name, "boolean", missing=missing), _floats(cells)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        seconds = pc.cast(pc.cast(cells, pa.timestamp("s"), safe=False), pa.int64())
        return Column(name, "datetime", missing=missing), _floats(seconds)
    if pa.types.is_integer(kind):
        found = "float" if wanted == "float" else "integer"
        return Column(name, found, missing=missing), _floats(cells)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = _floats(pc.cast(cells, pa.float64()))
        return Column(name, "float", missing=bool(np.isnan(values).any())), values
    raise DataError(
        f"{path}: the column {name!r} holds {kind}, which is none of {', '.join(KINDS)}",
        hint=f"leave it out of the file, or store it as text, then dataset.columns.{name}=category",
    )


def _floats(array: pa.Array) -> NDArray[np.float64]:
    """Return an array as float64, NaN where it is null. The result may be written to."""
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    return np.array(pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _wrong(name: str, wanted: str, texts: pa.Array, path: Path) -> DataError:
    for index, text in enumerate(texts.to_pylist()):
        if text is not None and _as_kind(name, wanted, pa.array([text])) is None:
            where = f"{path}: row {index + 1} "
            return DataError(
                f"{where} {text[:40]!r} in the column {name!r} is not of the kind {wanted}",
                hint=f"correct the cell, or dataset.columns.{name}=category",
            )
    return DataError(
        f"{path}: the column {name!r} holds no value of the kind {wanted}",
        hint=f"leave out dataset.columns.{name}",
    )


def checked_kinds(columns: Mapping[str, Any], names: list[str], path: Path) -> None:
    """Check that `columns` names columns of the file and known kinds.

    Raises:
        DataError: it does not.
    """
    for name, kind in columns.items():
        if name not in names:
            raise DataError(
                f"{path} has no column {name!r}", hint=f"its columns: {', '.join(names[:20])}"
            )
        if kind not in KINDS:
            raise DataError(f"no kind {kind!r} of column", hint=f"one of {', '.join(KINDS)}")
