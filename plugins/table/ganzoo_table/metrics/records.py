"""How close generated rows come to the rows that they were learned from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ganzoo.api import Evaluated
from ganzoo_table.metrics.columns import Sides, Values, is_number, sides_of
from ganzoo_table.metrics.features import some_rows

BLOCK = 1 << 22
"""Distances that are held at once."""


class ClosestRecord:
    """Memorisation: the distance of generated rows to their closest training row.

    A distance is the mean over columns of the absolute difference in units of the training rows'
    range, at most 1, or 0 or 1 for categories and missing values. `closest_record` is the median;
    `closest_record_ratio` the median ratio of the closest to the second closest (1 where both are
    0); `closest_record_held_out` the median of held-out real rows: generated rows that are clearly
    closer are copies. `copies` is the share of generated rows at distance 0, `copies_held_out` that
    of held-out ones. None of this is a statement about privacy.

    Args:
        samples: rows that are compared, at most.
    """

    def __init__(self, *, samples: int = 2_000) -> None:
        self.samples = samples

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = sides_of("closest-record", real, fake, training=True)
        result = {}
        for ending, rows in (("", sides.fake), ("_held_out", sides.held_out)):
            if rows is None:
                continue
            first, second = self._closest(sides, rows)
            result[f"closest_record{ending}"] = float(first.median())
            result[f"copies{ending}"] = float((first == 0).double().mean())
            if not ending:
                ratio = torch.where(second > 0, first / second.clamp_min(1e-12), 1.0)
                result["closest_record_ratio"] = float(ratio.median())
        return result

    def _closest(self, sides: Sides, rows: Values) -> tuple[Tensor, Tensor]:
        """Return the two smallest distances of some rows, chosen by their content."""
        chosen = some_rows(rows, self.samples)
        both = [torch.from_numpy(np.ascontiguousarray(each)) for each in (chosen, sides.real)]
        step = max(BLOCK // max(len(both[1]), 1), 1)
        nearest = torch.cat(
            [
                _distances(sides, part, both[1]).topk(min(2, len(both[1])), largest=False).values
                for part in both[0].split(step)
            ]
        )
        return nearest[:, 0], nearest[:, -1]


def _distances(sides: Sides, rows: Tensor, real: Tensor) -> Tensor:
    total = torch.zeros(len(rows), len(real), dtype=torch.float64)
    for index, column in enumerate(sides.columns):
        a, b = rows[:, index, None], real[None, :, index]
        gone = a.isnan() != b.isnan()
        if is_number(column):
            known = real[:, index][~real[:, index].isnan()]
            extent = float(known.max() - known.min()) if len(known) else 0.0
            apart = ((a - b).abs() / (extent or 1.0)).nan_to_num(0.0).clamp(max=1.0)
        else:
            apart = (a != b).double() * ~(a.isnan() & b.isnan())
        total += torch.where(gone, 1.0, apart)
    return total / len(sides.columns)
