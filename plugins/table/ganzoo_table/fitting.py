"""Fit what a column's numbers look like: modes of a mixture, shared values, range, logarithm."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo.api import Column
from ganzoo_table.mixtures import fit_mixture

SHARED = 0.05
"""A value that at least this share of the rows has gets a choice of its own; at most `MOST`."""
MOST = 20
SKEW = 5.0
"""Skewness from which a positive column is fitted by its logarithm (arXiv:2204.00401, 3.3)."""


def fit_column(column: Column, values: NDArray[np.float64]) -> Column:
    """Return a column of numbers or datetimes with its codec fitted to the training rows.

    Args:
        values: float64 (N,), NaN where missing.
    """
    if column.kind in ("category", "boolean"):
        return column
    present = values[~np.isnan(values)]
    if not len(present):
        return column._replace(points=(0.0,), range=(0.0, 0.0))
    distinct, counts = np.unique(present, return_counts=True)
    column = column._replace(range=(float(distinct[0]), float(distinct[-1])))
    few = len(distinct) <= MOST
    shared = distinct if few else distinct[counts >= SHARED * len(values)]
    rest = present[~np.isin(present, shared)]
    column = column._replace(points=tuple(map(float, shared)))
    if len(np.unique(rest)) < 2:
        extra = tuple(float(value) for value in np.unique(rest))
        return column._replace(points=tuple(sorted({*column.points, *extra})))
    offset = _offset(rest, float(distinct[0]))
    scaled = rest if offset is None else np.log(rest + offset)
    return column._replace(modes=fit_mixture(torch.from_numpy(scaled)), offset=offset)


def _offset(values: NDArray[np.float64], lowest: float) -> float | None:
    """Return what to add before taking logarithms, or None if the values are not skewed."""
    if lowest < 0:
        return None
    centred = values - values.mean()
    deviation = float(np.sqrt(np.mean(centred**2)))
    if deviation == 0 or float(np.mean(centred**3)) / deviation**3 < SKEW:
        return None
    return 0.0 if lowest > 0 else float(np.min(values[values > 0]))
