"""Rows as arrays, for metrics: columns, their kinds, and the hold-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import Column, DataError, Evaluated

Values = NDArray[np.float64]
BINS = 10
"""Bins of a number beside a category, with the edges of the real column's quantiles."""
COMMON = 50
"""Largest number of categories that have a bin each."""


@dataclass(frozen=True)
class Sides:
    """Real rows, generated ones, and real ones held out."""

    columns: tuple[Column, ...]
    real: Values
    fake: Values
    held_out: Values | None


def sides_of(metric: str, real: Evaluated, fake: Evaluated, *, training: bool = False) -> Sides:
    """Return both sides as float64 (N, D), NaN where missing.

    Held-out rows are those of the split ``test``, unless they are the real rows themselves.

    Args:
        training: take the split ``train`` as real rows, whatever the reference is.

    Raises:
        DataError: the samples have no columns.
    """
    spec = fake.extraction.spec if fake.extraction else None
    if spec is None or not spec.columns or len(spec.shape) != 1:
        raise DataError(
            f"{metric} needs samples with columns: tables",
            hint=f"leave table/{metric} out of eval.metrics",
        )
    compared = real.splits.get("train", real) if training else real
    test = real.held_out(compared)
    held_out = None if test is None else test.samples.numpy()
    return Sides(spec.columns, compared.samples.numpy(), fake.samples.numpy(), held_out)


def is_number(column: Column) -> bool:
    """Return whether a column holds numbers or points in time."""
    return column.kind not in ("category", "boolean")


def codes(column: Column, values: Values, real: Values) -> NDArray[np.int64]:
    """Return bins of a column's values from 0 on; missing is the last.

    A number's bins are those of the real column's quantiles. Of categories the `COMMON` that are
    most frequent among the real values have one each, and all others one together: single ids say
    nothing about a relation.
    """
    present = real[~np.isnan(real)]
    if is_number(column):
        quantiles = np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1]) if len(present) else []
        edges = np.unique(quantiles)
        found, bins = np.searchsorted(edges, values, side="right"), len(edges) + 1
    else:
        words, counts = np.unique(present.astype(np.int64), return_counts=True)
        common = words[np.lexsort((words, -counts))[:COMMON]]
        places = np.full(max(len(column.categories), 2), len(common))
        places[common] = np.arange(len(common))
        found, bins = places[np.where(np.isnan(values), 0, values).astype(np.int64)], COMMON + 1
    return np.where(np.isnan(values), bins, found).astype(np.int64)
