"""A table in memory, with the conditions of training by sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.api import Column, Noise, SampleSpec
from ganzoo.nn import options

CONDITION_CATEGORIES = 128
"""A column of more categories is not conditioned on."""


class Rows:
    """A data set of rows, with a condition on one column of categories at a time.

    Training by sampling (Xu et al. 2019, arXiv:1907.00503, section 4.3): a column is drawn
    uniformly, a category by the logarithm of its count, and a row that has it uniformly. The
    condition is a row of the columns of categories in which all others are missing.

    Args:
        columns: what the columns hold, fitted.
        values: float64 (N, D).
        separator: of the cells in a file of such rows.
    """

    def __init__(
        self, columns: Sequence[Column], values: NDArray[np.float64], separator: str = ","
    ) -> None:
        self.values = torch.from_numpy(values)
        self.chosen = [
            index
            for index, column in enumerate(columns)
            if column.kind in ("category", "boolean")
            and len(options(column)) + column.missing <= CONDITION_CATEGORIES
        ]
        condition = None
        if self.chosen:
            given = tuple(_condition(columns[index]) for index in self.chosen)
            condition = SampleSpec("table", (len(given),), columns=given)
        self.spec = SampleSpec(
            "table",
            (len(columns),),
            columns=tuple(columns),
            condition=condition,
            separator="" if separator == "," else separator,
        )
        self._sorted: list[tuple[Tensor, Tensor, Tensor]] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor | None]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor | None]]:
        chosen = torch.as_tensor(indices)
        rows = self.values[chosen]
        conditions = self._own(chosen) if self.chosen else [None] * len(rows)
        return list(zip(rows, conditions, strict=True))

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        return self.values, self._own(torch.arange(len(self))) if self.chosen else None

    def condition_counts(self) -> tuple[Tensor, Tensor]:
        """Return each category's condition, and how often it is drawn for samples.

        A column is drawn uniformly, and a category as often as it is in the data.
        """
        conditions, counts = [], []
        categories = self._categories(self.values).long()
        for place, column in enumerate(categories.T):
            words, found = column.unique(return_counts=True)
            rows = torch.full((len(words), len(self.chosen)), torch.nan, dtype=torch.float64)
            rows[:, place] = words.double()
            conditions.append(rows)
            counts.append(found)
        return torch.cat(conditions), torch.cat(counts)

    def _own(self, indices: Tensor) -> Tensor:
        """Return conditions of rows: their category in one column, chosen by the row's index.

        So conditions are as frequent as in the data, where `draw` prefers the rare ones.
        """
        categories = self._categories(self.values[indices])
        others = indices[:, None] % len(self.chosen) != torch.arange(len(self.chosen))
        return categories.masked_fill(others, torch.nan)

    def _categories(self, rows: Tensor) -> Tensor:
        """Return the categories of rows, where a missing one is a category too."""
        assert self.spec.condition is not None
        found = rows[:, self.chosen]
        words = torch.tensor([len(each.categories) for each in self.spec.condition.columns])
        return torch.where(found.isnan(), words - 1.0, found)

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        """Return rows by a random category of a random column, and the conditions."""
        if not self.chosen:
            return (noise.uniform("row").double() * len(self)).long().clamp(max=len(self) - 1), None
        if self._sorted is None:
            self._sorted = [self._by_category(place) for place in range(len(self.chosen))]
        place = (noise.uniform("column") * len(self.chosen)).long().clamp(max=len(self.chosen) - 1)
        category, row = noise.uniform("category").double(), noise.uniform("row").double()
        indices = torch.zeros(n, dtype=torch.int64)
        conditions = torch.full((n, len(self.chosen)), torch.nan, dtype=torch.float64)
        for number, (order, starts, edges) in enumerate(self._sorted):
            mine = (place == number).nonzero()[:, 0]
            wanted = torch.searchsorted(edges, category[mine] * edges[-1], right=True)
            wanted = wanted.clamp(max=len(edges) - 1)
            first, last = starts[wanted], starts[wanted + 1]
            offset = (row[mine] * (last - first)).long()
            indices[mine] = order[first + torch.minimum(offset, last - first - 1)]
            conditions[mine, number] = wanted.double()
        return indices, conditions

    def _by_category(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows sorted by a column, where each category starts, and the summed log counts."""
        assert self.spec.condition is not None
        codes = self._categories(self.values)[:, place].long()
        counts = codes.bincount(minlength=len(self.spec.condition.columns[place].categories))
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
        return codes.argsort(stable=True), starts, counts.double().log1p().cumsum(0)


def _condition(column: Column) -> Column:
    """Return the column of a condition: "missing" is a category, and NaN is no condition."""
    words = options(column) + (("(missing)",) if column.missing else ())
    return Column(column.name, "category", words, missing=True)
