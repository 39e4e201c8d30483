"""Windows of a csv, tsv or parquet file of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from ganzoo.api import (
    Column,
    DataError,
    Fraction,
    OwnData,
    OwnRecipe,
    PositiveFloat,
    PositiveInt,
)
from ganzoo_table.kinds import unreadable
from ganzoo_table.reading import Source, read_source
from ganzoo_table.series.modality import STEP, WINDOW
from ganzoo_table.series.own import series_recipe
from ganzoo_table.series.pieces import Piece, cut, fill_in, starts_of
from ganzoo_table.series.times import GAP, Clock, channel_of, clock_of, groups_of
from ganzoo_table.series.windows import Values, Windows, with_range

NUMBERS = ("integer", "float")


class FileWindows(Windows):
    """Windows of the rows of a csv, tsv or parquet file: one row a step, one column a channel.

    No window crosses a gap in time, the border of two series, or that of the hold-out: so windows
    of the two splits share no step.

    Args:
        path: csv (comma or semicolon), tsv or parquet, UTF-8; its first row names the columns.
        columns: the channels; all columns of numbers if they are not given.
        time: column of numbers or datetimes, which must increase; by default rows are in order and
            without gaps.
        group: column that says which series a row belongs to, if the file holds several.
        gap: a step of time of more than this many medians is a gap; 4.5 lets windows cross weekends
            of days.
        length: steps of a window.
        stride: steps from the start of a window to the next one's.
        fill: what becomes of missing values: an error, the previous value, or a straight line
            between those around them. At the end of a series it is the nearest value.
        holdout: share of the steps of the split ``test``: the last ones of each series.
        blocks: cut each series into so many equal parts and hold out the end of each, for series
            that change over time.

    Raises:
        DataError: the file cannot be read, times do not increase, values are missing, or no window
            is left. Names the row or the column.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        columns: tuple[str, ...] | None = None,
        time: str | None = None,
        group: str | None = None,
        gap: PositiveFloat = GAP,
        length: PositiveInt = 24,
        stride: PositiveInt = 1,
        fill: Literal["refuse", "previous", "linear"] = "refuse",
        holdout: Fraction = 0.1,
        blocks: PositiveInt = 1,
    ) -> None:
        if split not in ("train", "test"):
            raise DataError(f"windows have no split {split!r}", hint="eval.reference=train")
        self.path = path
        self.skipped: list[str] = []
        """What is left out of the data or changed, a line each."""
        source = read_source(path)
        _require_columns(source, [*(columns or ()), *filter(None, (time, group))])
        clock = clock_of(source, time, groups_of(source, group), gap)
        channels, values = self._channels(source, columns, {time, group})
        pieces = cut(clock, holdout, blocks)
        self._say_gaps(clock, pieces, length)
        values = values[clock.order]
        channels, filled = fill_in(channels, values, pieces, clock, fill, length, source)
        if filled:
            self.skipped.append(f"{_some(filled, 'missing value')}, filled in ({fill})")
        _require_windows(pieces, length, holdout, clock, path)
        train = np.concatenate(
            [values[each.rows] for each in pieces if not each.test and each.length >= length]
        )
        ranged = [with_range(each, train[:, index]) for index, each in enumerate(channels)]
        starts = starts_of(pieces, split == "test", length, stride)
        super().__init__(ranged, values, starts, length, source.separator)

    @staticmethod
    def new_recipe(own: OwnData) -> OwnRecipe:
        """Return TCN players for this file, with its channels, time and group to correct."""
        return series_recipe(own, FileWindows)

    def check(self) -> list[str]:
        """Return nothing: the whole file was read; `skipped` says what was left out."""
        return []

    def source_files(self) -> dict[str, Path]:
        return {self.path.name: self.path}

    def _channels(
        self, source: Source, wanted: tuple[str, ...] | None, others: set[str | None]
    ) -> tuple[list[Column], Values]:
        """Return the columns of numbers and their values in the order of the file, (rows, C)."""
        names = [name for name in wanted or source.columns if name not in others]
        found, values, left_out = [], [], [] if wanted else [*unreadable(source)]
        for name in [name for name in names if name not in left_out]:
            column, numbers, _ = channel_of(source, name)
            if column.kind not in NUMBERS and wanted:
                column, numbers, _ = channel_of(source, name, "float")
            if column.kind in NUMBERS:
                found.append(column)
                values.append(numbers)
            else:
                left_out.append(name)
        if left_out:
            self.skipped.append(f"columns without numbers: {', '.join(left_out)}")
        if taken := {WINDOW, STEP} & {column.name for column in found}:
            what = f"{self.path}: no channel can be called {min(taken)!r}"
            raise DataError(what, hint="rename it, or leave it out of dataset.columns")
        if not found:
            raise DataError(f"{self.path} has no column of numbers", hint="dataset.columns=[NAME]")
        return found, np.stack(values, 1)

    def _say_gaps(self, clock: Clock, pieces: list[Piece], length: int) -> None:
        if clock.gaps:
            self.skipped.append(f"windows across {_some(clock.gaps, 'gap')} in time")
        if clock.uneven:
            self.skipped.append(
                f"how long {_some(clock.uneven, 'step')} of time took, more than a tenth from the "
                "median: all steps count as equal"
            )
        short = sum(each.length for each in pieces if each.length < length)
        if short:
            self.skipped.append(
                f"{short:,} of {len(clock.order):,} rows, in pieces shorter than a window"
            )


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count > 1 else ''}"


def _require_columns(source: Source, names: list[str]) -> None:
    for name in names:
        if name not in source.columns:
            raise DataError(
                f"{source.path} has no column {name!r}",
                hint=f"its columns: {', '.join(list(source.columns)[:20])}",
            )
    if doubled := {name for name in names if names.count(name) > 1}:
        what = f"{source.path}: {min(doubled)!r} is named twice"
        raise DataError(what, hint="name it once, as a channel, the time or the group")


def _require_windows(
    pieces: list[Piece], length: int, holdout: float, clock: Clock, path: Path
) -> None:
    """Refuse a length that leaves no window to train on, or none that is held out."""
    for test, words in ((False, "to train on"), (True, "held out")):
        longest = max((each.length for each in pieces if each.test == test), default=0)
        if longest < length and (holdout or not test):
            shorter = f"dataset.length={longest}, " if longest else ""
            raise DataError(
                f"{path}: the longest piece {words} has {longest} steps, and a window {length}",
                hint=f"{shorter}another dataset.holdout"
                + (", or dataset.gap=4.5 to cross shorter gaps" if clock.gaps else ""),
            )
