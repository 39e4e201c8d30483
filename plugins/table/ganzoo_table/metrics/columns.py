"""Rows as arrays, for metrics: columns, their kinds, and the hold-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import Column, DataError, Evaluated

Values = NDArray[np.float64]
BINS = 10
"""Bins of a number beside a category, with the edges of the real column's quantiles."""


@dataclass(frozen=True)
class Sides:
    """The real rows that a generator learned from, generated ones, and real ones held out."""

    columns: tuple[Column, ...]
    real: Values
    fake: Values
    held_out: Values | None


def sides_of(metric: str, real: Evaluated, fake: Evaluated) -> Sides:
    """Return both sides as float64 (N, D), NaN where missing.

    Raises:
        DataError: the samples have no columns.
    """
    spec = fake.extraction.spec if fake.extraction else None
    if spec is None or not spec.columns or len(spec.shape) != 1:
        raise DataError(f"{metric} needs samples with columns: tables")
    held_out = real.splits.get("test")
    rows = held_out.samples.numpy() if held_out is not None and len(held_out.samples) else None
    return Sides(spec.columns, real.samples.numpy(), fake.samples.numpy(), rows)


def is_number(column: Column) -> bool:
    """Return whether a column holds numbers or points in time."""
    return column.kind not in ("category", "boolean")


def codes(column: Column, values: Values, edges: Values | None) -> NDArray[np.int64]:
    """Return category numbers from 0 on; numbers are put into bins, and missing is the last."""
    if is_number(column):
        assert edges is not None
        found = np.searchsorted(edges, values, side="right")
        missing = len(edges) + 1
    else:
        found = np.where(np.isnan(values), 0, values).astype(np.int64)
        missing = max(len(column.categories), 2)
    return np.where(np.isnan(values), missing, found).astype(np.int64)


def edges_of(column: Column, real: Values) -> Values | None:
    """Return the inner edges of a real column's `BINS` quantile bins; None for categories."""
    present = real[~np.isnan(real)]
    if not is_number(column):
        return None
    if not len(present):
        return np.zeros(0)
    return np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1]))
