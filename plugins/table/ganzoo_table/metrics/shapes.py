"""How like the real ones the distributions of single columns are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganzoo.api import Column, Evaluated
from ganzoo_table.metrics.columns import Sides, Values, is_number, sides_of


class ColumnShapes:
    """The mean similarity of columns: 1 is equal, 0 has no value in common.

    A number's is 1 minus the Kolmogorov-Smirnov distance, a category's 1 minus the total variation
    distance, both over the values that are there, times 1 minus the difference of the shares of
    missing values. `column_shapes_held_out` is that of real rows that were held out, which is what
    a perfect generator reaches; `column_shapes_worst` that of the worst column.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("column-shapes", real, fake)
        found = similarities(sides, sides.fake)
        result = {"column_shapes": float(found.mean()), "column_shapes_worst": float(found.min())}
        if sides.held_out is not None:
            result["column_shapes_held_out"] = float(similarities(sides, sides.held_out).mean())
        return result


def similarities(sides: Sides, rows: Values) -> Values:
    """Return the similarity of each column of some rows to the real one, (D,)."""
    return np.array(
        [
            _similarity(column, sides.real[:, index], rows[:, index])
            for index, column in enumerate(sides.columns)
        ]
    )


def _similarity(column: Column, real: Values, other: Values) -> float:
    gone = abs(float(np.isnan(real).mean()) - float(np.isnan(other).mean()))
    real, other = np.sort(real[~np.isnan(real)]), np.sort(other[~np.isnan(other)])
    if not len(real) or not len(other):
        return float(len(real) == len(other)) * (1 - gone)
    every = np.unique(np.concatenate([real, other]))
    below = [np.searchsorted(side, every, side="right") / len(side) for side in (real, other)]
    if is_number(column):
        distance = np.abs(below[0] - below[1]).max()
    else:
        shares = [np.diff(side, prepend=0.0) for side in below]
        distance = np.abs(shares[0] - shares[1]).sum() / 2
    return (1 - float(distance)) * (1 - gone)
