"""Between a table's rows and what networks see: numbers by their modes, categories as one-hot.

A number is replaced by its place within one mode of a mixture that was fitted to its column, and a
one-hot choice: of the mode, of a value that many rows share, or of "missing" (mode-specific
normalisation, Xu et al. 2019, arXiv:1907.00503, section 4.2; shared values as in CTAB-GAN+, Zhao et
al. 2022, arXiv:2204.00401, section 3.2). A row's mode is its most likely one, not a drawn one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.modalities.contract import Column

SPREAD = 4.0
"""A mode's values lie within this many of its standard deviations (arXiv:1907.00503)."""
ONE_HOT = 128
"""Largest number of categories that are one choice. More are two: the quotient and the remainder
of the index by the square root of their number, so 50,000 categories are 224 + 224 values."""
BOOLEANS = ("false", "true")
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")
"""Cells that stand for a missing value; a table that is written has empty ones."""


class Block(NamedTuple):
    """Neighbouring values of a row in model form that belong together.

    A ``value`` is one number in [-1, 1]; where the column has no modes, any number. A ``choice`` is
    one-hot.
    """

    column: int
    kind: Literal["value", "choice"]
    start: int
    size: int


def options(column: Column) -> tuple[str, ...]:
    """Return the words that a column's values stand for; none for a number or a datetime."""
    return BOOLEANS if column.kind == "boolean" else column.categories


def blocks(columns: Sequence[Column]) -> tuple[Block, ...]:
    """Return the blocks of a row in model form, in order."""
    found: list[Block] = []
    start = 0
    for index, column in enumerate(columns):
        for kind, size in _sizes(column):
            found.append(Block(index, kind, start, size))
            start += size
    return tuple(found)


def _sizes(column: Column) -> list[tuple[Literal["value", "choice"], int]]:
    if words := options(column):
        count = len(words) + column.missing
        if count <= ONE_HOT:
            return [("choice", count)]
        base = _base(count)
        return [("choice", math.ceil(count / base)), ("choice", base)]
    count = max(len(column.modes), 1) + len(column.points) + column.missing
    return [("value", 1)] if count == 1 else [("value", 1), ("choice", count)]


def _base(count: int) -> int:
    return math.ceil(math.sqrt(count))


def encode(columns: Sequence[Column], rows: Tensor) -> Tensor:
    """Return rows (B, D) in stored form as float32 (B, width)."""
    import torch

    width = sum(block.size for block in blocks(columns))
    encoded = torch.zeros(len(rows), width, device=rows.device)
    start = 0
    for index, column in enumerate(columns):
        for (kind, size), values in zip(
            _sizes(column), _encoded(column, rows[:, index]), strict=True
        ):
            if kind == "choice":
                encoded[:, start : start + size].scatter_(1, values[:, None], 1.0)
            else:
                encoded[:, start] = values
            start += size
    return encoded


def _encoded(column: Column, values: Tensor) -> list[Tensor]:
    """Return a column's numbers (B,) and choices int64 (B,), in the order of its blocks."""
    import torch

    values = values.double()
    missing = values.isnan()
    if words := options(column):
        count = len(words) + column.missing
        index = torch.where(missing, len(words), values).long()
        if count <= ONE_HOT:
            return [index]
        base = _base(count)
        return [index // base, index % base]
    place, choice = _placed(column, values)
    first = max(len(column.modes), 1)
    if column.points:
        points = torch.tensor(column.points, dtype=torch.float64, device=values.device)
        at = values[:, None] == points
        shared = at.any(1)
        place = place.where(~shared, 0.0)
        choice = torch.where(shared, at.int().argmax(1) + first, choice)
    count = first + len(column.points) + column.missing
    if count == 1:
        return [place]
    return [place.where(~missing, 0.0), choice.where(~missing, count - 1)]


def _placed(column: Column, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return each number's place within its most likely mode, and that mode."""
    import torch

    if not column.modes:
        return values, torch.zeros_like(values, dtype=torch.int64)
    scaled = values if column.offset is None else (values + column.offset).log()
    weights, means, deviations = torch.tensor(column.modes, dtype=torch.float64).T
    places = (scaled[:, None] - means) / deviations
    choice = (weights.log() - deviations.log() - places.square() / 2).argmax(1)
    return places.gather(1, choice[:, None])[:, 0] / SPREAD, choice


def decode(columns: Sequence[Column], samples: Tensor) -> Tensor:
    """Return samples (B, width) in model form as float64 rows (B, D): the inverse of `encode`."""
    import torch

    parts: dict[int, list[Tensor]] = {}
    for block in blocks(columns):
        values = samples[:, block.start : block.start + block.size]
        parts.setdefault(block.column, []).append(values)
    return torch.stack([_decoded(columns[index], parts[index]) for index in sorted(parts)], 1)


def _decoded(column: Column, parts: list[Tensor]) -> Tensor:
    import torch

    if words := options(column):
        index = parts[0].argmax(1)
        if len(parts) == 2:
            index = index * parts[1].shape[1] + parts[1].argmax(1)
        index = index.clamp(max=len(words) + column.missing - 1)
        return torch.where(index == len(words), math.nan, index.double())
    choice = parts[1].argmax(1) if len(parts) == 2 else torch.zeros(len(parts[0])).long()
    values = parts[0][:, 0].double()
    if column.modes:
        _, means, deviations = torch.tensor(column.modes, dtype=torch.float64).T
        mode = choice.clamp(max=len(means) - 1)
        values = means[mode] + SPREAD * deviations[mode] * values.clamp(-1, 1)
        values = values if column.offset is None else values.exp() - column.offset
    values = _rounded(column, values)
    first = max(len(column.modes), 1)
    for number, point in enumerate(column.points, first):
        values = values.where(choice != number, point)
    gone = choice == first + len(column.points)
    return values.where(~gone, math.nan) if column.missing else values


def _rounded(column: Column, values: Tensor) -> Tensor:
    """Return numbers with the decimals of their column, within its range."""
    if column.kind == "float":
        values = values if column.digits is None else values.round(decimals=column.digits)
    else:
        values = values.round()
    return values if column.range is None else values.clamp(*column.range)
