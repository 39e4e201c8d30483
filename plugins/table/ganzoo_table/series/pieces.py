"""Pieces of series without a gap, each in one split; missing values within them."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import Column, DataError
from ganzoo_table.reading import Source
from ganzoo_table.series.times import Clock
from ganzoo_table.series.windows import Values


class Piece(NamedTuple):
    """Places `start` to `stop` (exclusive) of the ordered rows, all of one split."""

    start: int
    stop: int
    test: bool

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def rows(self) -> slice:
        return slice(self.start, self.stop)


def cut(clock: Clock, holdout: float, blocks: int) -> list[Piece]:
    """Return the pieces in order: cut at gaps, at the ends of series and around the hold-out.

    Args:
        holdout: share of each block that is held out, at its end.
        blocks: equal parts of each series.
    """
    count = len(clock.order)
    stops = np.append(clock.series[1:], count)
    borders = {int(each) for each in clock.breaks}
    held_out = np.zeros(count, dtype=bool)
    for start, stop in zip(clock.series, stops, strict=True):
        ends = np.linspace(start, stop, blocks + 1).round().astype(int)
        for first, last in pairwise(ends):
            border = int(last - round(holdout * (last - first)))
            held_out[border:last] = True
            borders |= {border, int(last)} if border < last else set()
    places = sorted(borders - {count})
    return [
        Piece(start, stop, bool(held_out[start]))
        for start, stop in zip(places, [*places[1:], count], strict=True)
    ]


def starts_of(pieces: list[Piece], test: bool, length: int, stride: int) -> NDArray[np.int64]:
    """Return the places where windows of a split begin."""
    found = [
        np.arange(each.start, each.stop - length + 1, stride)
        for each in pieces
        if each.test == test and each.length >= length
    ]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def fill_in(
    columns: list[Column],
    values: Values,
    pieces: list[Piece],
    clock: Clock,
    how: str,
    length: int,
    source: Source,
) -> tuple[list[Column], int]:
    """Fill in missing values (rows, C), in place; return the columns and how many there were.

    Each piece is filled in by itself, so that training windows know nothing of the hold-out. Pieces
    that are shorter than a window are not used, and left as they are.
    Integers between which a line is drawn become floats.

    Raises:
        DataError: a value is missing and `how` is ``refuse``, or a piece has none of a channel.
    """
    pieces = [piece for piece in pieces if piece.length >= length]
    used = np.zeros(len(values), dtype=bool)
    for piece in pieces:
        used[piece.rows] = True
    filled = int(np.isnan(values[used]).sum())
    if filled and how == "refuse":
        row, channel = _first_missing(np.where(used[:, None], values, 0.0), clock)
        raise DataError(
            f"{source.where(row)} has no {columns[channel].name}",
            hint="dataset.fill=linear or dataset.fill=previous",
        )
    found = []
    for index, column in enumerate(columns):
        missing = np.isnan(values[:, index])
        for piece in pieces if missing.any() else ():
            gone, part = missing[piece.rows], values[piece.rows, index]
            if gone.all():
                rows = clock.order[[piece.start, piece.stop - 1]] + 1
                raise DataError(
                    f"{source.path}: rows {rows[0]} to {rows[1]}, one piece, have no {column.name}",
                    hint=f"leave out the rows, or the channel {column.name}",
                )
            known, places = np.flatnonzero(~gone), np.flatnonzero(gone)
            if how == "linear":
                part[places] = np.interp(places, known, part[known])
            else:
                before = np.searchsorted(known, places) - 1
                part[places] = part[known[before.clip(0)]]
        kind = "float" if how == "linear" and missing.any() else column.kind
        found.append(column._replace(kind=kind, missing=False))
    return found, filled


def _first_missing(values: Values, clock: Clock) -> tuple[int, int]:
    """Return the row of the file, from 0, and the channel of its first missing value."""
    places = np.flatnonzero(np.isnan(values).any(1))
    first = places[clock.order[places].argmin()]
    return int(clock.order[first]), int(np.isnan(values[first]).argmax())
