"""Find out what a column holds, and turn its cells into float64."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ganzoo.api import Column, DataError
from ganzoo.nn import MISSING
from ganzoo_table.reading import Source

KINDS = ("integer", "float", "boolean", "datetime", "category")
"""Kinds of columns, in the order in which they are tried."""
SKIP = "skip"
"""The word for a column that is left out."""

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
PATTERNS = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M",
    *(date + time for date in _DATES for time in ("", " %H:%M:%S", " %H:%M")),
)
"""Forms of a datetime; the first that fits every cell of a column is taken. Days, months and hours
may have one digit."""
WHOLE = 2**53
"""Integers beyond this have no exact float64."""
LARGEST = 1e100
"""Larger numbers overflow where a column is fitted: their third powers are summed."""
YEARS = (-62135596800.0, 253402300799.0)
"""The first and the last second of the years 1 to 9999; others cannot be written."""
FEW = 0.05
"""A category is noted as numbers or dates with mistakes where at most this share is neither."""

_NUMBER = r"^[+-]?[0-9]+([.,][0-9]+)?$"
_LOOKS = {
    r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}": "dates, but not of one form that is known",
    "^[^0-9A-Za-z]{0,2}[0-9][0-9.,' \u00a0\u202f]*[^0-9]{0,3}$": "numbers? write them as 1234.5",
}
_SHORT_DATE, _SHORT_HOUR = r"(^|[-/.])[0-9]($|[-/. T])", "[ T][0-9]:"
_LEADING_ZERO = r"^-?0[0-9]"
_DECIMAL_COMMA = r"^[+-]?[0-9]+(,[0-9]+)?$"

Values = NDArray[np.float64]


class Stored(NamedTuple):
    """What a column holds, not fitted yet; its values, NaN where missing; a note for the user."""

    column: Column
    values: Values
    note: str = ""


def stored_column(source: Source, name: str, cells: pa.ChunkedArray, wanted: str | None) -> Stored:
    """Return a column of a file.

    Args:
        wanted: a word of `KINDS`, or None to find out.

    Raises:
        DataError: the values are not of the wanted kind, or not finite; names the first.
    """
    cells = cells.combine_chunks() if cells.num_chunks != 1 else cells.chunk(0)
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if not _is_text(cells.type):
        found = _stored_typed(source, name, cells, wanted)
        if wanted not in (None, found.column.kind):
            raise DataError(
                f"{source.path}: the column {name!r} holds {cells.type}, which cannot be {wanted}",
                hint=_setting(name, found.column.kind),
            )
        return found
    cells = pc.utf8_trim_whitespace(cells)
    gone = pc.is_in(cells, value_set=pa.array(MISSING, cells.type))
    texts = pc.if_else(gone, pa.scalar(None, cells.type), cells)
    if texts.null_count == len(texts):
        if wanted not in (None, "category"):
            raise DataError(
                f"{source.path}: the column {name!r} holds no value at all",
                hint=f"{_setting(name, SKIP)}   # or category",
            )
        # The only word is the empty one, so a table that is written has it in every row.
        column = Column(name, "category", ("",))
        return Stored(column, np.zeros(len(texts)), "no value at all")
    for kind in KINDS if wanted is None else (wanted,):
        found = _as_kind(name, kind, texts, source.separator != ",")
        if found is None:
            continue
        _check_finite(source, found)
        if kind == "category" and wanted is None:
            return found._replace(note=_strange(source, texts))
        return found
    raise _wrong(source, name, str(wanted), texts)


def unreadable(source: Source) -> dict[str, str]:
    """Return the columns of a parquet file whose type holds none of `KINDS`, with that type."""
    found = {name: cells.type for name, cells in source.columns.items()}
    return {name: str(kind) for name, kind in found.items() if not _is_readable(kind)}


def _is_readable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    known = _is_text(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return known or numbers or pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _as_kind(name: str, kind: str, texts: pa.Array, commas: bool) -> Stored | None:
    """Return the column as one of a kind, or None if some cell is not of that kind.

    Args:
        commas: whether numbers may have a decimal comma.
    """
    missing = texts.null_count > 0
    if kind == "category":
        return _category(name, texts)
    if kind == "boolean":
        lower = pc.utf8_lower(texts)
        if not pc.all(pc.is_in(pc.drop_null(lower), value_set=pa.array(["true", "false"]))).as_py():
            return None
        return Stored(Column(name, kind, missing=missing), _floats(pc.equal(lower, "true")))
    if kind == "datetime":
        return _datetime(name, texts, missing)
    if kind == "integer":
        return _integer(name, texts, missing)
    return _float(name, texts, missing, commas)


def _integer(name: str, texts: pa.Array, missing: bool) -> Stored | None:
    try:
        numbers = pc.cast(texts, pa.int64())
        if pc.max(pc.abs_checked(numbers)).as_py() > WHOLE:
            return None
    except pa.ArrowInvalid:
        return None
    if pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py():
        return None  # a code, such as a postal one, that a number would shorten
    return Stored(Column(name, "integer", missing=missing), _floats(numbers))


def _float(name: str, texts: pa.Array, missing: bool, commas: bool) -> Stored | None:
    pattern = ""
    try:
        values = _floats(pc.cast(texts, pa.float64()))
    except pa.ArrowInvalid:
        present = pc.drop_null(texts)
        if not commas or not pc.all(pc.match_substring_regex(present, _DECIMAL_COMMA)).as_py():
            return None
        pattern, texts = ",", pc.replace_substring(texts, ",", ".")
        values = _floats(pc.cast(texts, pa.float64()))
    if int(np.isnan(values).sum()) > texts.null_count:
        return None  # NaN, but written in another way than a missing value
    if pc.any(pc.match_substring_regex(texts, _LEADING_ZERO + r"[0-9]*$")).as_py():
        return None
    digits = _decimals(pc.drop_null(texts))
    rounded = digits == 0 and bool((np.abs(np.nan_to_num(values)) >= WHOLE).any())
    return Stored(
        Column(name, "float", missing=missing, digits=digits, pattern=pattern),
        values,
        "integers beyond 2^53 are rounded: category keeps them" if rounded else "",
    )


def _decimals(texts: pa.Array) -> int | None:
    """Return the largest number of decimals, or None where a cell has an exponent."""
    if pc.any(pc.match_substring_regex(texts, "[eE]")).as_py():
        return None
    fractions = pc.replace_substring_regex(texts, r"^[^.]*\.?", "")
    return int(pc.max(pc.utf8_length(fractions)).as_py())


def _datetime(name: str, texts: pa.Array, missing: bool) -> Stored | None:
    present = pc.drop_null(texts)
    if not pc.all(pc.match_substring_regex(present, "[0-9]{4}")).as_py():
        return None  # strptime would take 24-01-31 for a day of the year 24
    found = ((each, _times(texts, present, each)) for each in PATTERNS)
    fits = [(pattern, times) for pattern, times in found if times is not None]
    if not fits:
        return None
    pattern, times = fits[0]
    column = Column(name, "datetime", missing=missing, pattern=_spelled(present, pattern))
    note = f"{fits[1][0]} would fit too: write dates as 2024-01-31" if fits[1:] else ""
    return Stored(column, _floats(pc.cast(times, pa.int64())), note)


def _times(texts: pa.Array, present: pa.Array, pattern: str) -> pa.Array | None:
    """Return points in time, or None if some cell is not of the pattern."""
    if not _starts_with(present, pattern):
        return None
    times = pc.strptime(texts, format=pattern, unit="s", error_is_null=True)
    return times if times.null_count == texts.null_count else None


def _spelled(texts: pa.Array, pattern: str) -> str:
    """Return the pattern without leading zeros ("%-d") where some cell has none."""
    if pc.any(pc.match_substring_regex(texts, _SHORT_DATE)).as_py():
        pattern = pattern.replace("%d", "%-d").replace("%m", "%-m")
    if pc.any(pc.match_substring_regex(texts, _SHORT_HOUR)).as_py():
        pattern = pattern.replace("%H", "%-H")
    return pattern


def _starts_with(texts: pa.Array, pattern: str) -> bool:
    """Return whether the first cells are written as Python reads the pattern, to their ends."""
    for text in texts.slice(0, 20).to_pylist():
        try:
            datetime.strptime(text, pattern)
        except ValueError:
            return False
    return True


def _category(name: str, texts: pa.Array) -> Stored:
    encoded = texts.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=lambda index: words[index])
    places = np.empty(len(words))
    places[order] = np.arange(len(words))
    codes = _floats(encoded.indices)
    known = ~np.isnan(codes)
    codes[known] = places[codes[known].astype(np.int64)]
    column = Column(
        name, "category", tuple(words[index] for index in order), missing=texts.null_count > 0
    )
    return Stored(column, codes)


def _strange(source: Source, texts: pa.Array) -> str:
    """Return why a category may be numbers or dates with mistakes; empty if nothing says so."""
    number = pc.match_substring_regex(texts, _NUMBER)
    strange = pc.invert(number)
    count = pc.sum(strange).as_py()
    one_word = pc.count_distinct(pc.filter(texts, strange)).as_py() == 1
    present = len(texts) - texts.null_count
    if 0 < count <= FEW * len(texts) or (one_word and 2 * count < present):
        row = pc.index(strange, True).as_py()
        where = source.where(row).strip().removeprefix(str(source.path)).strip(": ")
        place = where if where.startswith("row") else f"line {where}"
        return f"numbers, but {count:,} such as {texts[row].as_py()[:30]!r} in {place}"
    codes = not count and not pc.any(pc.match_substring(texts, ",")).as_py()
    for pattern, what in () if codes else _LOOKS.items():
        alike = pc.sum(pc.match_substring_regex(texts, pattern)).as_py()
        if alike >= (1 - FEW) * present:
            return what
    return ""


def _stored_typed(source: Source, name: str, cells: pa.Array, wanted: str | None) -> Stored:
    """Return a parquet column, which brings its type."""
    kind, missing = cells.type, cells.null_count > 0
    if wanted == "category":
        return _category(name, pc.cast(cells, pa.string()))
    if pa.types.is_boolean(kind):
        return Stored(Column(name, "boolean", missing=missing), _floats(cells))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        seconds = pc.cast(pc.cast(cells, pa.timestamp("s"), safe=False), pa.int64())
        pattern = "%Y-%m-%d" if pa.types.is_date(kind) else ""
        column = Column(name, "datetime", missing=missing, pattern=pattern)
        found = Stored(column, _floats(seconds), _lost(cells))
        _check_finite(source, found)
        return found
    if pa.types.is_integer(kind) and wanted != "float":
        values = _floats(cells)
        if not (np.abs(np.nan_to_num(values)) >= WHOLE).any():
            return Stored(Column(name, "integer", missing=missing), values)
        note = "integers beyond 2^53 are rounded: category keeps them"
        return Stored(Column(name, "float", missing=missing, digits=0), values, note)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = _floats(pc.cast(cells, pa.float64(), safe=False))
        missing = bool(np.isnan(values).any())
        digits = kind.scale if pa.types.is_decimal(kind) else None
        whole = wanted == "integer" and not (np.nan_to_num(values) % 1).any()
        column = Column(name, "integer" if whole else "float", missing=missing, digits=digits)
        found = Stored(column, values)
        _check_finite(source, found)
        return found
    if pa.types.is_null(kind):
        return Stored(Column(name, "category", ("",)), np.zeros(len(cells)), "no value at all")
    raise DataError(
        f"{source.path}: the column {name!r} holds {kind}, which is none of {', '.join(KINDS)}",
        hint=f"{_setting(name, SKIP)}   # or store it as text",
    )


def _lost(times: pa.Array) -> str:
    """Return what a column of datetimes loses."""
    lost = []
    if pa.types.is_timestamp(times.type):
        lost += [f"{times.type.tz} becomes UTC"] if times.type.tz else []
        whole = pc.cast(pc.cast(times, pa.timestamp("s"), safe=False), times.type)
        lost += ["fractions of a second are left out"] if pc.any(pc.not_equal(times, whole)) else []
    return ", ".join(lost)


def _check_finite(source: Source, found: Stored) -> None:
    low, high = YEARS if found.column.kind == "datetime" else (-LARGEST, LARGEST)
    if len(rows := np.flatnonzero((found.values < low) | (found.values > high))):
        what = found.values[rows[0]]
        raise DataError(
            f"{source.where(rows[0])} {what} in the column {found.column.name!r} "
            f"is {'not finite' if np.isinf(what) else 'out of range'}; such cells: {len(rows):,}",
            hint=f"{_setting(found.column.name, 'category')}   # or leave the cell empty",
        )


def _setting(name: str, kind: str) -> str:
    """Return what sets the kind of a column on a command line."""
    if "." in name:
        return shlex.quote(f'dataset.columns={{"{name}": {kind}}}')
    return shlex.quote(f"dataset.columns.{name}={kind}")


def _floats(array: pa.Array) -> Values:
    """Return an array as float64, NaN where it is null. The result may be written to."""
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    return np.array(pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _wrong(source: Source, name: str, wanted: str, texts: pa.Array) -> DataError:
    """Return the error that names the first cell that is not of the wanted kind."""
    hint = f"{_setting(name, 'category')}   # or correct the cell"
    for index, text in enumerate(texts.to_pylist()):
        if text is None or _as_kind(name, wanted, pa.array([text]), source.separator != ","):
            continue
        return DataError(
            f"{source.where(index)} {text[:40]!r} in the column {name!r} is not of the kind "
            f"{wanted}",
            hint=hint,
        )
    return DataError(  # such as two forms of a datetime
        f"{source.path}: no one form of the kind {wanted} fits all cells of the column {name!r}",
        hint=hint,
    )


def check_kinds(columns: Mapping[str, Any], source: Source) -> None:
    """Check that `columns` names columns of the file and known kinds.

    Raises:
        DataError: it does not, or it leaves out all columns.
    """
    names = list(source.columns)
    for name, kind in columns.items():
        if name not in names:
            raise DataError(
                f"{source.path} has no column {name!r}",
                hint=f"its columns: {', '.join(names[:20])}",
            )
        if kind not in (*KINDS, SKIP):
            known = ", ".join((*KINDS, SKIP))
            raise DataError(f"no kind {kind!r} of column {name!r}", hint=f"one of {known}")
    if all(columns.get(name) == SKIP for name in names):
        raise DataError(f"{source.path}: all columns are left out", hint="keep one of them")
