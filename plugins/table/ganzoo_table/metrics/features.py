"""Rows as inputs of scikit-learn's models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganzoo.api import Column
from ganzoo_table.metrics.columns import Values, is_number

ONE_HOT = 20
"""A category beyond this number is one of "others"."""


def inputs_of(columns: tuple[Column, ...], real: Values, rows: Values) -> NDArray[np.float64]:
    """Return rows as numbers: standardised by the real ones, missing as 0 and 1; one-hot."""
    parts = []
    for index, column in enumerate(columns):
        values = rows[:, index]
        missing = np.isnan(values)
        if is_number(column):
            known = real[:, index][~np.isnan(real[:, index])]
            centre, scale = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
            if not len(known) or np.ptp(known) == 0:
                scale = 1.0  # the deviation of equal numbers is 0 but for rounding
            parts.append(np.where(missing, 0.0, (values - centre) / scale)[:, None])
        else:
            count = min(max(len(column.categories), 2), ONE_HOT)
            number = np.where(missing, 0, values).clip(0, count - 1).astype(int)
            parts.append(np.eye(count)[number] * ~missing[:, None])
        if column.missing:
            parts.append(missing[:, None].astype(float))
    return np.concatenate(parts, 1)


def some_rows(rows: Values, count: int) -> Values:
    """Return at most `count` rows, chosen at random by their content and not by their order."""
    ordered = rows[content_order(rows)]
    return ordered[np.random.default_rng(0).permutation(len(ordered))[:count]]


def content_order(rows: Values) -> NDArray[np.int64]:
    """Return an order of rows by their content, so that a metric does not depend on theirs."""
    return np.lexsort(np.nan_to_num(rows, nan=-1e300).T)
